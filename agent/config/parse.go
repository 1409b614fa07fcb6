package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sidecarBytes = 32 << 20
	leastBytes   = 64 << 10
	mostBytes    = 1 << 40
	megabyte     = 1 << 20
)

// list splits at commas and white space.
func list(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c <= ' ' })
}

func oneOf(text string, allowed []string) error {
	if slices.Contains(allowed, text) {
		return nil
	}
	return &Error{Problem: fmt.Sprintf("%q is not known", text), Hint: "use one of " + strings.Join(allowed, ", ")}
}

func setInt(to *int, text string, least, most int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return &Error{Problem: fmt.Sprintf("%q is out of range", text), Hint: fmt.Sprintf("use a whole number from %d to %d", least, most)}
	}
	*to = n
	return nil
}

func setBool(to *bool, text string) error {
	switch strings.ToLower(text) {
	case "true", "1":
		*to = true
	case "false", "0":
		*to = false
	default:
		return &Error{Problem: fmt.Sprintf("%q is neither true nor false", text), Hint: "use true or false"}
	}
	return nil
}

// setDuration reads seconds (300) or a duration (5m, 250ms).
func setDuration(to *time.Duration, text string, least, most time.Duration) error {
	d, err := time.ParseDuration(text)
	if seconds, numeric := strconv.Atoi(text); numeric == nil {
		d, err = time.Duration(seconds)*time.Second, nil
		if seconds > math.MaxInt32 || seconds < math.MinInt32 {
			err = errors.New("out of range")
		}
	}
	if err != nil || d < least || d > most {
		return &Error{
			Problem: fmt.Sprintf("%q is out of range", text),
			Hint:    fmt.Sprintf("use seconds (300) or a duration (5m, 250ms) from %s to %s", least, most),
		}
	}
	*to = d
	return nil
}

// clampedError says that a value counts as another.
type clampedError struct{ to int }

func (e *clampedError) Error() string { return fmt.Sprintf("it counts as %d", e.to) }

// setSeconds reads whole seconds as AWS's extension does, which takes more than
// the most for the most.
func setSeconds(to *time.Duration, text string, most int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return &Error{Problem: fmt.Sprintf("%q is out of range", text), Hint: fmt.Sprintf("use whole seconds from 0 to %d", most)}
	}
	*to = time.Duration(min(n, most)) * time.Second
	if n > most {
		return &clampedError{most}
	}
	return nil
}

func setMillis(to *time.Duration, text string) error {
	var n int
	err := setInt(&n, text, 0, math.MaxInt32)
	*to = time.Duration(n) * time.Millisecond
	return err
}

func setLogLevel(c *Config, text string, _ Place) error {
	levels := map[string]slog.Level{
		"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError,
	}
	name := strings.ToLower(text)
	level, ok := levels[name]
	if !ok && name != "none" {
		return oneOf(text, []string{"debug", "info", "warn", "error", "none"})
	}
	c.Log.Level, c.Log.Off = level, name == "none"
	return nil
}

// defaultBytes is a tenth of the function's memory, in which Lambda gives the
// variable in MB.
func defaultBytes(memoryMB string) int64 {
	if n, err := strconv.Atoi(memoryMB); err == nil && n > 0 && n <= mostBytes/megabyte {
		return int64(n) * megabyte / 10
	}
	return sidecarBytes
}

// mistakes collects what is wrong with the items of one variable.
type mistakes []error

func (m *mistakes) add(problem, hint string) { *m = append(*m, &Error{Problem: problem, Hint: hint}) }

func (m mistakes) err() error { return errors.Join(m...) }
