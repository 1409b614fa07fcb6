package agent_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestFreshGoesPastTheCacheAndFillsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		want(t, c, "a", "one", false)
		f.put("a", "two")
		reading, err := c.Get(t.Context(), ref("a"), agent.Fresh)
		if err != nil || string(reading.Secret.Value.Reveal()) != "two" || reading.Stale {
			t.Fatalf("Get fresh = %+v, %v", reading, err)
		}
		want(t, c, "a", "two", false)
		if n := f.asked("a"); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})
}

func TestFreshFailureLeavesTheCache(t *testing.T) {
	for _, kind := range []agent.Kind{agent.Unavailable, agent.Throttled, agent.NotFound, agent.Denied, agent.Invalid} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour})
				want(t, c, "a", "one", false)
				f.fail("a", kind)
				time.Sleep(30 * time.Second)
				wantKind(t, c, ref("a"), agent.Fresh, kind)
				time.Sleep(10 * time.Second)
				if age := want(t, c, "a", "one", false).Age; age != 40*time.Second+2*latency {
					t.Errorf("Age = %v: the failure changed what is held", age)
				}
			})
		})
	}
}

func TestFreshNeverFallsBackToStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Millisecond})
		want(t, c, "a", "one", false)
		time.Sleep(2 * time.Minute)
		f.fail("a", agent.Unavailable)
		wantKind(t, c, ref("a"), agent.Fresh, agent.Unavailable)
		want(t, c, "a", "one", true)
	})
}

func TestFreshIsLimitedForOneSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("b", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		fresh := func(id string) error {
			_, err := c.Get(t.Context(), ref(id), agent.Fresh)
			return err
		}
		if err := fresh("a"); err != nil {
			t.Fatal(err)
		}
		if err := fresh("b"); err != nil {
			t.Errorf("another secret: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		e := wantKind(t, c, ref("a"), agent.Fresh, agent.Throttled)
		if e.Status != 429 || e.RetryAfter != 500*time.Millisecond-2*latency {
			t.Errorf("error %+v", e)
		}
		want(t, c, "a", "one", false)
		time.Sleep(500 * time.Millisecond)
		if err := fresh("a"); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

func TestFreshIsLimitedInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.slow(0)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		ask := func(n int) (served int) {
			for i := range n {
				id := fmt.Sprintf("%d-%d", n, i)
				f.put(id, "one")
				if _, err := c.Get(t.Context(), ref(id), agent.Fresh); err == nil {
					served++
				}
			}
			return served
		}
		if got := ask(30); got != 10 {
			t.Errorf("%d of 30 refreshes at once, want 10", got)
		}
		time.Sleep(500 * time.Millisecond)
		if got := ask(20); got != 5 {
			t.Errorf("%d of 20 refreshes half a second later, want 5", got)
		}
	})
}

func TestMissesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("held", "one")
		f.slow(0)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
		want(t, c, "held", "one", false)
		time.Sleep(2 * time.Minute)
		f.put("held", "two")
		throttled := 0
		for i := range 300 {
			_, err := c.Get(t.Context(), ref(fmt.Sprint("none-", i)), agent.Cached)
			if agent.AsError(err).Kind == agent.Throttled {
				throttled++
			}
		}
		if throttled != 100 {
			t.Errorf("%d of 300 misses at once were refused, want 100", throttled)
		}
		want(t, c, "held", "two", false) // somebody's loop costs the others nothing
		time.Sleep(time.Second)
		wantKind(t, c, ref("none-later"), agent.Cached, agent.NotFound)
	})
}
