package agent_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// logTo returns a logger of warnings to out.
func logTo(out *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func TestPrefetchAsksOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("b", `{"user": "app", "password": "p"}`)
		secrets := append(specs("a"), agent.Spec{Reference: ref("b"), Key: "user"}, agent.Spec{Reference: ref("b"), Key: "password"})
		var log bytes.Buffer
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: secrets, Log: logTo(&log)})
		if err := c.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, c, "a", "one", false)
		want(t, c, "arn-of-b", `{"user": "app", "password": "p"}`, false)
		if f.fetches() != 1 || len(f.calls[0]) != 2 {
			t.Errorf("calls: %v, want one for both", f.calls)
		}
		if log.Len() > 0 {
			t.Errorf("a healthy prefetch logs %s", log.String())
		}
	})
}

func TestPrefetchFailures(t *testing.T) {
	object := `{"user": "` + planted + `"}`
	tests := []struct {
		name     string
		spec     agent.Spec
		prepare  func(f *fake)
		fails    bool
		warnings int
	}{
		{"not found", agent.Spec{Reference: ref("x")}, nil, true, 1},
		{"not found, optional", agent.Spec{Reference: ref("x"), Optional: true}, nil, false, 0},
		{"denied", agent.Spec{Reference: ref("x")}, func(f *fake) { f.fail("x", agent.Denied) }, true, 1},
		{"outage", agent.Spec{Reference: ref("x")}, func(f *fake) { f.fail("x", agent.Unavailable) }, true, 1},
		{"outage, optional", agent.Spec{Reference: ref("x"), Optional: true}, func(f *fake) { f.fail("x", agent.Unavailable) }, false, 1},
		{"key", agent.Spec{Reference: ref("x"), Key: "user"}, func(f *fake) { f.put("x", object) }, false, 0},
		{"key missing", agent.Spec{Reference: ref("x"), Key: "nope"}, func(f *fake) { f.put("x", object) }, true, 1},
		{"key missing, optional", agent.Spec{Reference: ref("x"), Key: "nope", Optional: true}, func(f *fake) { f.put("x", object) }, false, 0},
		{"key of what is no JSON", agent.Spec{Reference: ref("x"), Key: "user"}, func(f *fake) { f.put("x", planted) }, true, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("good", "one")
				if test.prepare != nil {
					test.prepare(f)
				}
				var log bytes.Buffer
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: append(specs("good"), test.spec), Log: logTo(&log)})
				err := c.Prefetch(t.Context())
				if (err != nil) != test.fails {
					t.Errorf("Prefetch: %v, want an error: %v", err, test.fails)
				}
				if err != nil {
					assertHidden(t, err.Error())
				}
				if n := strings.Count(log.String(), "\n"); n != test.warnings {
					t.Errorf("%d lines are logged, want %d:\n%s", n, test.warnings, log.String())
				}
				if test.warnings > 0 && !strings.Contains(log.String(), "fake:x") {
					t.Errorf("the log does not name the secret: %s", log.String())
				}
				assertHidden(t, log.String())
				want(t, c, "good", "one", false)
			})
		})
	}
}

func TestPrefetchDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.slow(3 * time.Second)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a")})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Prefetch(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Prefetch: %v", err)
		}
		start := time.Now()
		want(t, c, "a", "one", false) // the call goes on, and the read waits for it
		if took := time.Since(start); took != time.Second || f.fetches() != 1 {
			t.Errorf("the read took %v and %d calls, want the rest of the one", took, f.fetches())
		}
	})
}

func TestReadsDuringPrefetchShareItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a")})
		done := make(chan error, 1)
		go func() { done <- c.Prefetch(t.Context()) }()
		synctest.Wait()
		want(t, c, "a", "one", false)
		if err := <-done; err != nil || f.fetches() != 1 {
			t.Errorf("Prefetch: %v, %d calls", err, f.fetches())
		}
	})
}

func TestPrefetchOfNothing(t *testing.T) {
	c := open(t, agent.Config{})
	if err := c.Prefetch(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPrefetchTellsWhatIsMissing: each required secret with its reason, those
// that are still on their way too, and no optional one.
func TestPrefetchTellsWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("good", "one")
		f.fail("denied", agent.Denied)
		hang := fetchFunc(func(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
			answered := 0
			for i, r := range refs {
				if !strings.Contains(r.ID, "hung") {
					f.Fetch(ctx, []agent.Reference{r}, func(_ int, result agent.Result) { deliver(i, result) })
					answered++
				}
			}
			if answered < len(refs) {
				<-ctx.Done()
			}
		})
		secrets := specs("good", "denied", "hung")
		for _, id := range []string{"hung-optional", "missing-optional"} {
			secrets = append(secrets, agent.Spec{Reference: ref(id), Optional: true})
		}
		c := open(t, agent.Config{Sources: sources(hang.source()), Secrets: secrets})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := c.Prefetch(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Prefetch: %v", err)
		}
		for _, text := range []string{"fails for denied", `"fake:hung": there is no answer yet`} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("the error lacks %q: %v", text, err)
			}
		}
		if strings.Contains(err.Error(), "optional") || strings.Contains(err.Error(), "good") {
			t.Errorf("the error names what is not required or not missing: %v", err)
		}
		if err := open(t, agent.Config{Sources: sources(hang.source()), Secrets: secrets[3:]}).Prefetch(ctx); err != nil {
			t.Errorf("optional ones alone: %v", err)
		}
	})
}

// TestPrefetchThatDoesNotFit: the configured secrets are more than the bound, which
// is told, and they are held all the same.
func TestPrefetchThatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "12345")
		f.put("b", "12345")
		var log bytes.Buffer
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a", "b"), Bytes: 9, Log: slog.New(slog.NewTextHandler(&log, nil))})
		err := c.Prefetch(t.Context())
		if err == nil || !strings.Contains(err.Error(), "LARDER_CACHE_BYTES") || !strings.Contains(log.String(), "LARDER_CACHE_BYTES") {
			t.Errorf("Prefetch: %v, logged %q", err, log.String())
		}
		want(t, c, "a", "12345", false)
		want(t, c, "b", "12345", false)
		if n := f.fetches(); n != 1 {
			t.Errorf("%d calls, want that both are held", n)
		}
	})
}
