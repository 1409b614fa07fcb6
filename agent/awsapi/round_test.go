package awsapi_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-secrets/larder/agent/awsapi"
)

// TestPanicEndsOneCall: it takes no other with it, and tells only its type.
func TestPanicEndsOneCall(t *testing.T) {
	var log bytes.Buffer
	round := awsapi.NewCalls(1, slog.New(slog.NewTextHandler(&log, nil))).Round()
	var made atomic.Int32
	for range 3 {
		round.Go(t.Context(), "here", func() error { panic("the value") }, func(err error) { t.Error(err) })
		round.Go(t.Context(), "here", func() error { made.Add(1); return nil }, func(err error) { t.Error(err) })
	}
	round.Wait()
	if made.Load() != 3 || strings.Count(log.String(), "panic_type=string") != 3 || strings.Contains(log.String(), "the value") {
		t.Errorf("%d calls made; logged %q", made.Load(), log.String())
	}
}

// TestRoundEndsWithItsContext: who waits for a turn is told.
func TestRoundEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	round := awsapi.NewCalls(1, slog.New(slog.DiscardHandler)).Round()
	var refused atomic.Int32
	for range 3 {
		round.Go(ctx, "here", func() error { cancel(); <-ctx.Done(); return nil }, func(err error) {
			if err == context.Canceled {
				refused.Add(1)
			}
		})
	}
	round.Wait()
	if n := refused.Load(); n > 2 {
		t.Errorf("%d were refused, want two at most", n)
	}
}
