package lambdatest

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
)

// maxExtensions is Lambda's limit (AWS Lambda developer guide, Extensions).
const maxExtensions = 10

func (c *Config) checkProcesses() error {
	var errs []error
	if len(c.Function) == 0 || c.Function[0] == "" {
		errs = append(errs, errors.New("function: a command line is required"))
	}
	if len(c.Extensions) > maxExtensions {
		errs = append(errs, fmt.Errorf("extensions: at most %d, not %d", maxExtensions, len(c.Extensions)))
	}
	seen := map[string]bool{functionProcess: true}
	for _, path := range c.Extensions {
		name := filepath.Base(path)
		if path == "" {
			errs = append(errs, errors.New("extensions: empty path"))
		} else if seen[name] {
			errs = append(errs, fmt.Errorf("extensions: the name %q is taken", name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// checkAddr refuses whatever could be reached from outside: these APIs run
// code and know no authentication.
func (c *Config) checkAddr() error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("addr: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("addr: %q is not a loopback address", host)
	}
	return nil
}

func (c *Config) checkNumbers() error {
	var errs []error
	for _, number := range []struct {
		name     string
		negative bool
	}{
		{"memory", c.MemoryMB < 0},
		{"timeout", c.Timeout < 0},
		{"init timeout", c.InitTimeout < 0},
		{"shutdown timeout", c.ShutdownTimeout < 0},
		{"concurrency", c.Concurrency < 0},
	} {
		if number.negative {
			errs = append(errs, fmt.Errorf("%s: must not be negative", number.name))
		}
	}
	if c.SnapStart && c.ManagedInstances {
		errs = append(errs, errors.New("snapstart: managed instances have no snapshots"))
	} else if c.Freeze && c.ManagedInstances {
		errs = append(errs, errors.New("freeze: managed instances do not freeze"))
	}
	if c.Concurrency > 1 && !c.ManagedInstances {
		errs = append(errs, errors.New("concurrency: only managed instances run invocations concurrently"))
	}
	if r := c.RefuseRegister; r != nil && (r.Status < 400 || r.Status > 599) {
		errs = append(errs, fmt.Errorf("refuse register: status %d is not an error", r.Status))
	}
	return errors.Join(errs...)
}

func (c *Config) checkEnv() error {
	for _, name := range slices.Concat(slices.Collect(maps.Keys(c.Env)), c.Unset) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("env: %q is not a variable's name", name)
		}
	}
	if _, ok := c.Env["AWS_LAMBDA_RUNTIME_API"]; ok {
		return errors.New("env: AWS_LAMBDA_RUNTIME_API is set by the local Lambda, see Addr")
	}
	if _, ok := c.Env[clockVariable]; ok {
		return fmt.Errorf("env: %s is set by the local Lambda, see ShiftClock", clockVariable)
	}
	return nil
}
