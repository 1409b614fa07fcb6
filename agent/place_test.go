package agent_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// places has the place of a reference be what stands before the slash.
func places(s agent.Source) map[string]agent.Source {
	s.Place = func(r agent.Reference) string {
		before, _, _ := strings.Cut(r.ID, "/")
		return before
	}
	return sources(s)
}

// TestDownPlaceIsLeftAlone: once the calls for two secrets have failed, others
// are refused without a call, one call at a time finds out whether the place is
// up again, and another place is asked as ever.
func TestDownPlaceIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("west/held", "one")
		f.put("east/a", "one")
		c := open(t, agent.Config{Sources: places(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
		want(t, c, "west/held", "one", false)
		down := &agent.Error{Kind: agent.Unavailable, Status: 503, Code: "Down", Message: "no route", RetryAfter: 10 * time.Second}
		for _, id := range []string{"a", "b", "c"} {
			f.answer("west/"+id, agent.Result{Err: down})
		}
		wantKind(t, c, ref("west/a"), agent.Cached, agent.Unavailable)
		wantKind(t, c, ref("west/b"), agent.Cached, agent.Unavailable)
		start := time.Now()
		for _, mode := range []agent.Mode{agent.Cached, agent.Fresh} {
			e := wantKind(t, c, ref("west/c"), mode, agent.Unavailable)
			if e.Code != "Down" || e.Status != 503 || !strings.Contains(e.Message, `"west/c"`) || e.RetryAfter <= 0 || e.RetryAfter > 10*time.Second {
				t.Errorf("the refusal: %+v", e)
			}
		}
		wantKind(t, c, ref("west/held"), agent.Fresh, agent.Unavailable)
		if n := f.asked("west/c"); n != 0 || time.Since(start) != 0 {
			t.Errorf("%d calls in %v for what is known to be down", n, time.Since(start))
		}
		want(t, c, "east/a", "one", false)
		if s := c.Status(); len(s.Outages) != 1 || s.Outages[0].Place != "west" || !s.Outages[0].Down || s.Outages[0].Secrets != 2 {
			t.Errorf("status: %+v", s.Outages)
		}

		time.Sleep(11 * time.Second)
		f.slow(5 * time.Second)
		probe := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), ref("west/c"), agent.Cached)
			probe <- err
		}()
		synctest.Wait()
		start = time.Now()
		wantKind(t, c, ref("west/a"), agent.Cached, agent.Unavailable)
		wantKind(t, c, ref("west/c"), agent.Cached, agent.Unavailable)
		if n := f.asked("west/a"); n != 1 || time.Since(start) != 0 {
			t.Errorf("asked %d times for a and waited %v beside the call that finds out", n, time.Since(start))
		}
		f.put("west/c", "one")
		f.put("west/a", "one")
		if err := <-probe; err != nil {
			t.Errorf("the probe: %v", err)
		}
		f.slow(latency)
		want(t, c, "west/a", "one", false)
		if s := c.Status(); len(s.Outages) != 0 {
			t.Errorf("status after it: %+v", s.Outages)
		}
	})
}

// TestOneSecretInTroubleIsItsOwn: its outages, however many, keep nobody from
// another secret of the place.
func TestOneSecretInTroubleIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.fail("bad", agent.Unavailable)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		for i := range 5 {
			wantKind(t, c, ref("bad"), agent.Cached, agent.Unavailable)
			good := fmt.Sprint("good-", i)
			f.put(good, "one")
			want(t, c, good, "one", false)
			time.Sleep(time.Minute)
		}
	})
}

// TestSlowPlaceIsWaitedForOnce: several held values are past their TTL, and only
// the first read waits.
func TestSlowPlaceIsWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: 24 * time.Hour, RefreshWait: 250 * time.Millisecond})
		var ids []string
		for i := range 10 {
			ids = append(ids, fmt.Sprint("secret-", i))
			f.put(ids[i], "one")
			want(t, c, ids[i], "one", false)
		}
		f.slow(time.Hour)
		time.Sleep(time.Hour)
		start := time.Now()
		for _, id := range ids {
			want(t, c, id, "one", true)
		}
		if waited := time.Since(start); waited != 250*time.Millisecond {
			t.Errorf("ten reads waited %v together, want LARDER_REFRESH_WAIT once", waited)
		}
		time.Sleep(2 * time.Hour) // nobody asks, and nothing is known any more
		f.slow(latency)
		want(t, c, ids[0], "one", false)
	})
}

// TestOutageIsLoggedTwice: when it begins and when it ends.
func TestOutageIsLoggedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var log bytes.Buffer
		c := open(t, agent.Config{
			Sources: sources(f.source(time.Minute)), MaxStale: 24 * time.Hour, RefreshWait: 100 * time.Millisecond,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			f.put(id, "one")
			want(t, c, id, "one", false)
			f.fail(id, agent.Unavailable)
		}
		for range 100 {
			time.Sleep(time.Minute)
			for _, id := range ids {
				want(t, c, id, "one", true)
			}
		}
		if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%d lines in the outage:\n%s", got, log.String())
		}
		for _, id := range ids {
			f.put(id, "two")
		}
		for range 10 {
			time.Sleep(time.Minute)
			for _, id := range ids {
				c.Get(t.Context(), ref(id), agent.Cached)
			}
		}
		for _, id := range ids {
			want(t, c, id, "two", false)
		}
		if got := strings.Count(log.String(), "\n"); got != 2 || !strings.Contains(log.String(), "answers again") {
			t.Errorf("%d lines in all:\n%s", got, log.String())
		}
	})
}

// TestRecoveryMakesAllDue: the call that finds the place up again is followed at
// once by the rest of what is due, in the same invocation.
func TestRecoveryMakesAllDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: 100 * time.Millisecond})
		ids := []string{"a", "b", "c", "d"}
		for _, id := range ids {
			f.put(id, "one")
			want(t, c, id, "one", false)
			f.fail(id, agent.Unavailable)
		}
		time.Sleep(time.Minute)
		for range 3 {
			for _, id := range ids {
				want(t, c, id, "one", true)
			}
			time.Sleep(5 * time.Second)
		}
		for _, id := range ids {
			f.put(id, "two")
		}
		time.Sleep(10 * time.Second)
		before := f.fetches()
		c.Refresh(t.Context())
		if n := f.fetches() - before; n != 2 {
			t.Errorf("%d calls, want one that finds out and one for the rest", n)
		}
		for _, id := range ids {
			want(t, c, id, "two", false)
		}
	})
}

// TestNobodyWaitsWhenAnOutageEnds: what was served stale during it is once more,
// while it is fetched anew.
func TestNobodyWaitsWhenAnOutageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
		for _, two := range [][]string{{"a", "b"}, {"c", "d"}} {
			for _, id := range two {
				f.put(id, "one")
				want(t, c, id, "one", false)
			}
			time.Sleep(40 * time.Second)
		}
		f.fail("a", agent.Unavailable)
		f.fail("b", agent.Unavailable)
		want(t, c, "a", "one", true)
		want(t, c, "b", "one", true)
		f.put("c", "two")
		f.put("d", "two")
		time.Sleep(25 * time.Second)
		want(t, c, "c", "one", true) // and its refresh finds out
		time.Sleep(latency)
		synctest.Wait()
		if r := want(t, c, "d", "one", true); r.Waited {
			t.Error("it waited for what nobody waited for a moment before")
		}
		time.Sleep(latency)
		synctest.Wait()
		want(t, c, "d", "two", false)
		time.Sleep(10 * time.Minute)
		f.put("d", "three")
		want(t, c, "d", "three", false)
	})
}

// TestMadeUpPlacesAreBounded: requests can name any region.
func TestMadeUpPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: places(f.source(time.Minute))})
		for i := range 300 {
			id := fmt.Sprintf("place-%d/a", i)
			f.fail(id, agent.Unavailable)
			c.Get(t.Context(), ref(id), agent.Cached)
			time.Sleep(20 * time.Millisecond)
		}
		if n := len(c.Status().Outages); n > 101 {
			t.Errorf("%d places are remembered", n)
		}
	})
}

// TestCallsThatFailTogetherAreOneOutage: a moment without the network while many
// secrets are prefetched is followed by the shortest back-off.
func TestCallsThatFailTogetherAreOneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprint("secret-", i))
			f.fail(ids[i], agent.Unavailable)
		}
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs(ids...)})
		if c.Prefetch(t.Context()) == nil {
			t.Fatal("the prefetch succeeded")
		}
		for _, id := range ids {
			f.put(id, "one")
		}
		time.Sleep(510 * time.Millisecond)
		for _, id := range ids {
			want(t, c, id, "one", false)
		}
	})
}

// TestEachSecretInTroubleIsLoggedOnce: the permanent trouble of one does not hide
// that of another.
func TestEachSecretInTroubleIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var log bytes.Buffer
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Log: slog.New(slog.NewTextHandler(&log, nil))})
		f.put("good", "one")
		for _, id := range []string{"a", "b", "a", "b", "a"} {
			f.fail(id, agent.Unavailable)
			wantKind(t, c, ref(id), agent.Cached, agent.Unavailable)
			want(t, c, "good", "one", false)
			time.Sleep(2 * time.Minute)
			want(t, c, "good", "one", false)
		}
		f.put("b", "one")
		want(t, c, "b", "one", false)
		wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
		if got := strings.Count(log.String(), "a backend fails"); got != 2 || strings.Count(log.String(), "answers again") != 1 {
			t.Errorf("logged:\n%s", log.String())
		}
	})
}

// TestWhatIsMissingComesTogether: when the place of configured secrets that could
// not be had is up again, one call brings all of them, read or not.
func TestWhatIsMissingComesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		ids := []string{"a", "b", "c", "d"}
		for _, id := range ids {
			f.fail(id, agent.Throttled)
		}
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs(ids...)})
		if err := c.Prefetch(t.Context()); err == nil {
			t.Fatal("nothing is missing")
		}
		for _, id := range ids {
			f.put(id, "one")
		}
		time.Sleep(500 * time.Millisecond)
		before := f.fetches()
		want(t, c, "a", "one", false) // which finds out
		synctest.Wait()
		if n := f.fetches() - before; n != 2 {
			t.Errorf("%d calls to Fetch, want one that finds out and one for all others", n)
		}
		for _, id := range ids {
			before := f.asked(id)
			want(t, c, id, "one", false)
			if f.asked(id) != before {
				t.Errorf("%q was asked for again", id)
			}
		}
	})
}

// TestThrottledComesBackSoon: a store that throttles is up, so that who stays away
// for long misses its turn, and the sooner the less it has lasted.
func TestThrottledComesBackSoon(t *testing.T) {
	for _, test := range []struct {
		kind   agent.Kind
		rounds int
		most   func(lasted time.Duration) time.Duration
		end    time.Duration // what that grows to
	}{
		{agent.Throttled, 900, func(lasted time.Duration) time.Duration {
			return min(max(100*time.Millisecond, lasted/64), 2*time.Second)
		}, 2 * time.Second},
		{agent.Unavailable, 100, func(time.Duration) time.Duration { return 30 * time.Second }, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.fail("a", test.kind)
			c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
			start, longest := time.Now(), time.Duration(0)
			for range test.rounds {
				began, before := time.Now(), f.asked("a")
				for f.asked("a") == before {
					c.Get(t.Context(), ref("a"), agent.Cached)
					time.Sleep(10 * time.Millisecond)
				}
				gap, most := time.Since(began), test.most(began.Sub(start))
				if gap > most+30*time.Millisecond {
					t.Errorf("%v: after %v it was left alone for %v, want %v at most", test.kind, began.Sub(start), gap, most)
				}
				longest = max(longest, gap)
			}
			if longest < test.end/2 {
				t.Errorf("%v: it was left alone for up to %v, want %v", test.kind, longest, test.end)
			}
		})
	}
}
