package agent_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestRefreshAheadKeepsReadersFromWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		f.slow(2 * time.Second)
		var oldest time.Duration
		for range 600 {
			time.Sleep(time.Second)
			start := time.Now()
			oldest = max(oldest, want(t, c, "a", "one", false).Age)
			if waited := time.Since(start); waited != 0 {
				t.Fatalf("a reader waited %v", waited)
			}
		}
		if oldest >= time.Minute {
			t.Errorf("a value %v old was served, past its TTL", oldest)
		}
		if n := f.asked("a"); n < 10 || n > 14 {
			t.Errorf("asked %d times in ten minutes with a TTL of one", n)
		}
	})
}

// TestRefreshWaitsForAReadersCall: what a reader has started is waited for too,
// since the environment may be frozen once Refresh has returned.
func TestRefreshWaitsForAReadersCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), RefreshWait: time.Millisecond, MaxStale: time.Hour})
		want(t, c, "a", "one", false)
		time.Sleep(2 * time.Minute)
		f.slow(time.Second)
		want(t, c, "a", "one", true) // begins a call and does not wait for it
		start := time.Now()
		c.Refresh(t.Context())
		if waited := time.Since(start); waited < 900*time.Millisecond {
			t.Errorf("Refresh returned after %v, within a reader's call", waited)
		}
		time.Sleep(2 * time.Minute)
		want(t, c, "a", "one", true)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start = time.Now()
		c.Refresh(ctx)
		if waited := time.Since(start); waited > 100*time.Millisecond {
			t.Errorf("Refresh returned after %v, past its context", waited)
		}
	})
}

func TestRefreshAheadStartsWithinTheLastFifth(t *testing.T) {
	const ttl = 100 * time.Second
	first, last := ttl, time.Duration(0)
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("a", "one")
			f.slow(0)
			c := open(t, agent.Config{Sources: sources(f.source(ttl))})
			want(t, c, "a", "one", false)
			start := time.Now()
			for f.asked("a") == 1 {
				time.Sleep(100 * time.Millisecond)
				want(t, c, "a", "one", false)
				synctest.Wait()
			}
			first, last = min(first, time.Since(start)), max(last, time.Since(start))
		})
	}
	if first < 80*time.Second || last > 90*time.Second+100*time.Millisecond {
		t.Errorf("refreshes began from %v to %v after the fetch, want 80 s to 90 s", first, last)
	}
	if last-first < 2*time.Second {
		t.Errorf("refreshes began from %v to %v after the fetch: there is no jitter", first, last)
	}
}

func TestRefreshFetchesWhatIsDueAndWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, id := range []string{"read", "also", "unread", "new"} {
			f.put(id, "one")
		}
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("read", "also", "unread"), RefreshWait: time.Second})
		if err := c.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, c, "read", "one", false)
		want(t, c, "also", "one", false)
		c.Refresh(t.Context())
		if n := f.fetches(); n != 1 {
			t.Fatalf("%d calls, want none before anything is due", n-1)
		}
		time.Sleep(50 * time.Second)
		want(t, c, "new", "one", false)
		time.Sleep(10 * time.Second)
		f.put("read", "two")
		start := time.Now()
		c.Refresh(t.Context())
		if took := time.Since(start); took != latency {
			t.Errorf("Refresh took %v, want the %v of one call", took, latency)
		}
		for id, n := range map[string]int{"read": 2, "also": 2, "unread": 1, "new": 1} {
			if got := f.asked(id); got != n {
				t.Errorf("%s was asked for %d times, want %d", id, got, n)
			}
		}
		if n := f.fetches(); n != 3 {
			t.Errorf("%d calls, want the refresh to be one", n)
		}
		want(t, c, "read", "two", false)
		time.Sleep(time.Minute)
		c.Refresh(t.Context()) // "also" has not been read since
		if got := f.asked("also"); got != 2 {
			t.Errorf("also was asked for %d times, want 2", got)
		}
		if got := f.asked("read"); got != 3 {
			t.Errorf("read was asked for %d times, want 3", got)
		}
	})
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: 100 * time.Millisecond})
		want(t, c, "a", "one", false)
		f.slow(time.Hour)
		time.Sleep(2 * time.Minute)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.Refresh(ctx)
		if took := time.Since(start); took != time.Second {
			t.Errorf("Refresh took %v, want 1 s", took)
		}
		f.slow(latency)
		want(t, c, "a", "one", true) // what is held stays
		time.Sleep(time.Minute)
		want(t, c, "a", "one", false)
	})
}

func TestReaderJoinsTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: 250 * time.Millisecond})
		want(t, c, "a", "one", false)
		f.put("a", "two")
		f.slow(100 * time.Millisecond)
		time.Sleep(time.Hour / 2)
		go c.Refresh(t.Context())
		synctest.Wait()
		time.Sleep(60 * time.Millisecond)
		start := time.Now()
		want(t, c, "arn-of-a", "two", false) // by another name than the refresh asks for
		if waited := time.Since(start); waited != 40*time.Millisecond {
			t.Errorf("waited %v, want the rest of the refresh", waited)
		}
		if n := f.fetches(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

func TestImmutableVersionIsAskedForHourly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := *f.put("a", "one")
		s.Immutable = true
		f.answer("a", agent.Result{Secret: &s})
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		for range 47 {
			time.Sleep(time.Minute)
			want(t, c, "a", "one", false)
		}
		if n := f.asked("a"); n != 1 {
			t.Errorf("asked %d times in 47 minutes, want 1", n)
		}
		f.fail("a", agent.Denied)
		time.Sleep(7 * time.Minute)
		want(t, c, "a", "one", false) // begins the refresh, which is denied
		time.Sleep(time.Second)
		wantKind(t, c, ref("a"), agent.Cached, agent.Denied)
	})
}
