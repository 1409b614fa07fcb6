package agent_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestAnswersAreRememberedForFiveSeconds(t *testing.T) {
	for _, kind := range []agent.Kind{agent.NotFound, agent.Denied, agent.Invalid} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.fail("a", kind)
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
				wantKind(t, c, ref("a"), agent.Cached, kind)
				f.put("a", "one")
				time.Sleep(5*time.Second - time.Millisecond)
				wantKind(t, c, ref("a"), agent.Cached, kind)
				if n := f.asked("a"); n != 1 {
					t.Errorf("asked %d times within five seconds, want 1", n)
				}
				time.Sleep(time.Millisecond)
				want(t, c, "a", "one", false)
			})
		})
	}
}

func TestOutageServesStaleUntilMaxStale(t *testing.T) {
	for _, kind := range []agent.Kind{agent.Unavailable, agent.Throttled} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
				want(t, c, "a", "one", false)
				f.fail("a", kind)
				time.Sleep(time.Minute)
				want(t, c, "a", "one", true)
				time.Sleep(time.Hour - 2*time.Second)
				want(t, c, "a", "one", true)
				time.Sleep(2 * time.Second)
				for range 2 { // by a call, and by what is remembered of it
					e := wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
					if e.Status != 503 || !strings.Contains(e.Message, "LARDER_MAX_STALE (1h0m0s)") || e.RetryAfter <= 0 {
						t.Errorf("past MaxStale: %+v", e)
					}
				}
				f.put("a", "two")
				time.Sleep(time.Minute) // longer than any back-off
				want(t, c, "a", "two", false)
			})
		})
	}
}

func TestOutageBacksOff(t *testing.T) {
	for name, maxStale := range map[string]time.Duration{"with a value held": time.Hour, "past MaxStale": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: maxStale, RefreshWait: time.Second})
				want(t, c, "a", "one", false)
				f.answer("a", agent.Result{Err: &agent.Error{Kind: agent.Throttled, Message: "slow down", RetryAfter: 45 * time.Second}})
				time.Sleep(2 * time.Minute)
				c.Get(t.Context(), ref("a"), agent.Cached)
				before, start := f.asked("a"), time.Now()
				for range 40 {
					if _, err := c.Get(t.Context(), ref("a"), agent.Cached); (err == nil) != (maxStale == time.Hour) {
						t.Fatalf("Get: %v", err)
					}
					time.Sleep(time.Second)
				}
				if waited := time.Since(start) - 40*time.Second; waited != 0 {
					t.Errorf("readers waited %v while the backend was known to be down", waited)
				}
				if n := f.asked("a") - before; n != 0 {
					t.Errorf("asked %d times within the 45 s that the backend asked for", n)
				}
			})
		})
	}
}

func TestOutageWithoutAValueBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.answer("a", agent.Result{Err: &agent.Error{Kind: agent.Unavailable, Message: "down", RetryAfter: 10 * time.Second}})
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		for range 10 {
			wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
			time.Sleep(900 * time.Millisecond)
		}
		if n := f.asked("a"); n != 1 {
			t.Errorf("asked %d times within ten seconds, want 1", n)
		}
		f.put("a", "one")
		time.Sleep(2 * time.Second)
		want(t, c, "a", "one", false)
	})
}

func TestRefreshWait(t *testing.T) {
	tests := []struct {
		name          string
		takes, waited time.Duration
		value         string
		stale         bool
	}{
		{"a quick refresh is waited for", 100 * time.Millisecond, 100 * time.Millisecond, "two", false},
		{"a slow one is not", 3 * time.Second, 250 * time.Millisecond, "one", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: 250 * time.Millisecond})
				want(t, c, "a", "one", false)
				f.put("a", "two")
				f.slow(test.takes)
				time.Sleep(10 * time.Minute)
				start := time.Now()
				want(t, c, "a", test.value, test.stale)
				if waited := time.Since(start); waited != test.waited {
					t.Errorf("waited %v, want %v", waited, test.waited)
				}
				time.Sleep(5 * time.Second)
				want(t, c, "a", "two", false)
			})
		})
	}
}

func TestDeletedSecretIsServedNoLongerThanItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		var log bytes.Buffer
		c := open(t, agent.Config{
			Sources: sources(f.source(100 * time.Second)), Secrets: specs("a"), MaxStale: time.Hour, RefreshWait: time.Second,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		want(t, c, "a", "one", false)
		f.fail("a", agent.NotFound)
		time.Sleep(95 * time.Second)
		want(t, c, "a", "one", false) // begins the early refresh
		time.Sleep(time.Second)
		if n := f.asked("a"); n != 2 {
			t.Fatalf("asked %d times, want 2", n)
		}
		want(t, c, "a", "one", false) // whose answer does not evict
		if n := f.asked("a"); n != 2 {
			t.Errorf("asked %d times, want no more before the TTL ends", n)
		}
		if log.Len() > 0 {
			t.Errorf("logged while it is served: %s", log.String())
		}
		for range 3 {
			time.Sleep(6 * time.Second)
			wantKind(t, c, ref("a"), agent.Cached, agent.NotFound)
		}
		if text := log.String(); strings.Count(text, "no longer served") != 1 || !strings.Contains(text, "secret=fake:a") {
			t.Errorf("logged: %s", text)
		}
	})
}

func TestOutageErrorWithoutValueIsTheBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		cause := errors.New("no route")
		f.answer("a", agent.Result{Err: cause})
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		_, err := c.Get(t.Context(), ref("a"), agent.Cached)
		if !errors.Is(err, cause) {
			t.Errorf("Get: %v, want the backend's own error", err)
		}
	})
}
