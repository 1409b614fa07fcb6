package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/config"
)

func TestTextLog(t *testing.T) {
	tests := []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"a message", func(l *slog.Logger) { l.Info("listening") }, "larder: info: listening\n"},
		{"attributes", func(l *slog.Logger) { l.Warn("m", "secret", "aws:a", "took", time.Second) }, "larder: warn: m (secret=aws:a took=1s)\n"},
		{"an error", func(l *slog.Logger) { l.Error("m", "error", errors.New("reason")) }, "larder: error: m: reason\n"},
		{"an error among others", func(l *slog.Logger) { l.Error("m", "a", 1, "error", errors.New("reason")) }, "larder: error: m: reason (a=1)\n"},
		{"line breaks in the message", func(l *slog.Logger) { l.Info("a\nb") }, "larder: info: a; b\n"},
		{"line breaks in the error", func(l *slog.Logger) { l.Info("m", "error", errors.Join(errors.New("a"), errors.New("b"))) }, "larder: info: m: a; b\n"},
		{"line breaks in an attribute", func(l *slog.Logger) { l.Info("m", "x", "a\nlarder: error: forged") }, `larder: info: m (x="a\nlarder: error: forged")` + "\n"},
		{"attributes of the logger", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2) }, "larder: info: m (a=1 g.b=2)\n"},
		{"a value", func(l *slog.Logger) { l.Info("m", "v", agent.NewValue([]byte("planted"))) }, "larder: info: m (v=[redacted])\n"},
		{"below the level", func(l *slog.Logger) { l.Debug("m") }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.log(config.Log{}.Logger(&out))
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
		})
	}
}

func TestJSONLog(t *testing.T) {
	var out bytes.Buffer
	log := config.Log{JSON: true, Level: slog.LevelDebug}.Logger(&out)
	log.Debug("a\nb", "secret", "aws:a", "v", agent.NewValue([]byte("planted")), slog.Group("g", "time", 1))
	if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "planted") {
		t.Fatalf("%q", out.String())
	}
	var record map[string]any
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(record["timestamp"])); err != nil {
		t.Error(err)
	}
	delete(record, "timestamp")
	want := map[string]any{"level": "DEBUG", "message": "a\nb", "source": "larder", "secret": "aws:a", "v": agent.Redacted, "g": map[string]any{"time": float64(1)}}
	if fmt.Sprint(record) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", record, want)
	}
}

func TestLogOff(t *testing.T) {
	for _, l := range []config.Log{{Off: true}, {Off: true, JSON: true}, {Level: slog.LevelError}} {
		var out bytes.Buffer
		log := l.Logger(&out)
		log.Warn("m")
		if l.Off {
			log.Error("m")
		}
		if out.Len() > 0 {
			t.Errorf("%+v logs %q", l, out.String())
		}
	}
}

func TestLogIsWrittenByWholeLines(t *testing.T) {
	for _, l := range []config.Log{{}, {JSON: true}} {
		var out bytes.Buffer
		log := l.Logger(&out)
		var writers sync.WaitGroup
		for i := range 20 {
			mine := log.With("writer", i)
			writers.Go(func() {
				for j := range 20 {
					mine.Info("message", "n", j, "error", errors.New("reason"))
				}
			})
		}
		writers.Wait()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 400 {
			t.Fatalf("%d lines, want 400", len(lines))
		}
		for _, line := range lines {
			whole := strings.HasPrefix(line, "larder: info: message: reason (writer=") && strings.HasSuffix(line, ")")
			if l.JSON {
				whole = json.Valid([]byte(line))
			}
			if !whole {
				t.Fatalf("line %q", line)
			}
		}
	}
}
