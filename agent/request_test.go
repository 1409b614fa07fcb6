package agent_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestFreshSharesNoEarlierCall: a call that was begun for something else may have
// been answered before the value changed; those who ask past the cache at once
// share one of their own.
func TestFreshSharesNoEarlierCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.early = true
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		f.put("a", "one")
		f.slow(time.Second)
		var readers sync.WaitGroup
		readers.Go(func() { c.Get(t.Context(), ref("a"), agent.Cached) })
		synctest.Wait() // its answer is on its way
		f.put("a", "two")
		for _, id := range []string{"a", "a", "a"} {
			readers.Go(func() {
				reading, err := c.Get(t.Context(), ref(id), agent.Fresh)
				if err != nil || string(reading.Secret.Value.Reveal()) != "two" {
					t.Errorf("Get fresh = %+v, %v", reading, err)
				}
			})
		}
		readers.Wait()
		if n := f.asked("a"); n != 2 {
			t.Errorf("asked %d times, want once more for three reads past the cache", n)
		}
		want(t, c, "a", "two", false) // whichever answer came last
	})
}

// TestFreshByAnotherName: two names of one secret share the call and the limit.
func TestFreshByAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		want(t, c, "a", "one", false)
		f.put("a", "two")
		var readers sync.WaitGroup
		for _, id := range []string{"a", "arn-of-a"} {
			readers.Go(func() {
				reading, err := c.Get(t.Context(), ref(id), agent.Fresh)
				if err != nil || string(reading.Secret.Value.Reveal()) != "two" {
					t.Errorf("Get fresh %s = %+v, %v", id, reading, err)
				}
			})
		}
		readers.Wait()
		wantKind(t, c, ref("arn-of-a"), agent.Fresh, agent.Throttled)
		if n := f.fetches(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

// TestFreshFailureIsNotRemembered: neither for what is held nor for what is not.
func TestFreshFailureIsNotRemembered(t *testing.T) {
	for _, kind := range []agent.Kind{agent.Unavailable, agent.NotFound} {
		t.Run(kind.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("held", "one")
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
				want(t, c, "held", "one", false)
				time.Sleep(2 * time.Minute)
				f.fail("held", kind)
				wantKind(t, c, ref("held"), agent.Fresh, kind)
				f.put("held", "two")
				want(t, c, "held", "two", false)

				wantKind(t, c, ref("new"), agent.Fresh, agent.NotFound)
				f.put("new", "one")
				want(t, c, "new", "one", false)
			})
		})
	}
}
