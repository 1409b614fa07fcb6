package agent_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestGetServesFromMemoryUntilTheTTLEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), RefreshWait: time.Second})
		if r := want(t, c, "a", "one", false); r.Age != latency {
			t.Errorf("Age = %v, want the %v since the backend was asked", r.Age, latency)
		}
		f.put("a", "two")
		time.Sleep(40 * time.Second)
		if r := want(t, c, "a", "one", false); r.Age != 40*time.Second+latency {
			t.Errorf("Age = %v", r.Age)
		}
		time.Sleep(20 * time.Second)
		want(t, c, "a", "two", false)
		if n := f.asked("a"); n != 2 {
			t.Errorf("the backend was asked %d times, want 2", n)
		}
		counts := c.Status().Counts
		if counts != (agent.Counts{Hits: 1, Misses: 2}) {
			t.Errorf("counts = %+v", counts)
		}
	})
}

func TestGetSharesOneCall(t *testing.T) {
	for _, mode := range []agent.Mode{agent.Cached, agent.Fresh} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("a", "one")
			c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
			var readers sync.WaitGroup
			for range 100 {
				readers.Go(func() {
					r, err := c.Get(t.Context(), ref("a"), mode)
					if err != nil || string(r.Secret.Value.Reveal()) != "one" {
						t.Errorf("Get = %v, %v", r, err)
					}
				})
			}
			readers.Wait()
			if n := f.fetches(); n != 1 {
				t.Errorf("mode %d: %d calls for 100 readers, want 1", mode, n)
			}
		})
	}
}

func TestGetSharesAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		var readers sync.WaitGroup
		for range 100 {
			readers.Go(func() { wantKind(t, c, ref("none"), agent.Cached, agent.NotFound) })
		}
		readers.Wait()
		if n := f.fetches(); n != 1 {
			t.Errorf("%d calls for 100 readers, want 1", n)
		}
	})
}

func TestCallerDoesNotCancelTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		ctx, cancel := context.WithCancel(t.Context())
		impatient := make(chan error, 1)
		go func() {
			_, err := c.Get(ctx, ref("a"), agent.Cached)
			impatient <- err
		}()
		synctest.Wait()
		patient := make(chan error, 1)
		go func() {
			_, err := c.Get(t.Context(), ref("a"), agent.Cached)
			patient <- err
		}()
		synctest.Wait()
		start := time.Now()
		cancel()
		if err := <-impatient; !errors.Is(err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("the cancelled reader got %v after %v", err, time.Since(start))
		}
		if err := <-patient; err != nil {
			t.Errorf("the other reader got %v", err)
		}
		want(t, c, "a", "one", false)
		if n := f.fetches(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestGetEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.slow(time.Second)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, ref("a"), agent.Cached); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want the deadline's error", err)
		}
		time.Sleep(time.Second)
		want(t, c, "a", "one", false) // what the abandoned call brought is kept
		if n := f.fetches(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestTTLZeroAsksAtEveryRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(0)), MaxStale: time.Hour, RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		f.put("a", "two")
		want(t, c, "a", "two", false)
		for range 300 { // no budget applies to a backend as near as the cache
			want(t, c, "a", "two", false)
		}
		f.fail("a", agent.Unavailable)
		for range 3 {
			wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
		}
		f.put("a", "three")
		want(t, c, "a", "three", false) // no failure is remembered either
		f.fail("b", agent.NotFound)
		wantKind(t, c, ref("b"), agent.Cached, agent.NotFound)
		f.put("b", "back")
		want(t, c, "b", "back", false)
		if n := f.asked("a"); n != 306 {
			t.Errorf("the backend was asked %d times, want 306", n)
		}
	})
}

func TestUnknownScheme(t *testing.T) {
	f := newFake()
	c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
	e := wantKind(t, c, agent.Reference{Scheme: "other", ID: "a"}, agent.Cached, agent.Denied)
	if e.Status != 403 || e.Code != "BackendNotConfigured" || f.fetches() != 0 {
		t.Errorf("error %+v, %d calls", e, f.fetches())
	}
}
