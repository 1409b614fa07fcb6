package config

import (
	"bytes"
	"context"
	"io"
	"log/slog"
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
		attrs := slog.NewTextHandler(&lines.attrs, &slog.HandlerOptions{Level: l.Level, ReplaceAttr: dropBuiltIn})
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

func dropBuiltIn(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	return a
}

// textHandler puts level and message in front of the attributes, which
// slog.TextHandler writes. The time is left out: Lambda and service managers
// write their own.
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
	line := "larder: " + strings.ToLower(r.Level.String()) + ": " + strings.ReplaceAll(r.Message, "\n", "; ")
	if attrs := strings.TrimSpace(h.lines.attrs.String()); attrs != "" {
		line += ": " + attrs
	}
	_, err := io.WriteString(h.lines.out, line+"\n")
	return err
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{Handler: h.Handler.WithAttrs(attrs), lines: h.lines}
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	return &textHandler{Handler: h.Handler.WithGroup(name), lines: h.lines}
}
