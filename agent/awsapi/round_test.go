package secretsmanager

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

// TestPanicEndsOneCall: it takes no other with it, and tells only its type.
func TestPanicEndsOneCall(t *testing.T) {
	var log bytes.Buffer
	b := &backend{log: slog.New(slog.NewTextHandler(&log, nil)), slots: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	delivered := 0
	b.each(ctx, newRow(), []*question{
		{deliver: func(agent.Result) { panic("the value") }},
		{deliver: func(agent.Result) { delivered++ }},
	})
	if delivered != 1 || !strings.Contains(log.String(), "panic_type=string") || strings.Contains(log.String(), "the value") {
		t.Errorf("%d delivered; logged %q", delivered, log.String())
	}
}
