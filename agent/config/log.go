package config

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Logger returns a logger that writes a line a record to w: text for people
// (larder: warn: …), or JSON under the names that Lambda gives its own fields.
func (l Log) Logger(w io.Writer) *slog.Logger {
	switch {
	case l.Off:
		return slog.New(slog.DiscardHandler)
	case l.JSON:
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l.Level, ReplaceAttr: lambdaNames})).With("source", "larder")
	default:
		lines := &lines{out: w}
		attrs := slog.NewTextHandler(&lines.attrs, &slog.HandlerOptions{Level: l.Level, ReplaceAttr: notAttributes})
		return slog.New(&textHandler{Handler: attrs, lines: lines})
	}
}

// lambdaNames are those of Lambda's JSON log format.
func lambdaNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
		case slog.MessageKey:
			a.Key = "message"
		}
	}
	return a
}

// errorKey is that of an error, which is a sentence.
const errorKey = "error"

// notAttributes leaves out what textHandler writes by itself, or not at all.
func notAttributes(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && slices.Contains([]string{slog.TimeKey, slog.LevelKey, slog.MessageKey, errorKey}, a.Key) {
		return slog.Attr{}
	}
	return a
}

// textHandler writes level, message and error as a sentence, and behind it the
// attributes as slog.TextHandler does:
//
//	larder: warn: a secret could not be prefetched: secret "db" is … (secret=aws:db)
//
// The time is left out: Lambda and service managers write their own.
type textHandler struct {
	slog.Handler
	lines *lines
}

type lines struct {
	mu    sync.Mutex // guards both below, so that a line is written whole
	attrs bytes.Buffer
	out   io.Writer
}

func (h *textHandler) Handle(ctx context.Context, r slog.Record) error {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	h.lines.attrs.Reset()
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	line := "larder: " + strings.ToLower(r.Level.String()) + ": " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == errorKey {
			line += ": " + a.Value.String()
		}
		return true
	})
	if attrs := strings.TrimSpace(h.lines.attrs.String()); attrs != "" {
		line += " (" + attrs + ")"
	}
	_, err := io.WriteString(h.lines.out, strings.ReplaceAll(line, "\n", "; ")+"\n")
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{Handler: h.Handler.WithAttrs(attrs), lines: h.lines}
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	return &textHandler{Handler: h.Handler.WithGroup(name), lines: h.lines}
}
