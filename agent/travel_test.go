package agent_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestSecretsDueTogetherTravelTogether: the first read that finds one due takes
// along the others that are past four fifths of their TTL and have been read.
func TestSecretsDueTogetherTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var ids []string
		for i := range 20 {
			ids = append(ids, fmt.Sprint("secret-", i))
			f.put(ids[i], "one")
		}
		f.put("unread", "one")
		c := open(t, agent.Config{Sources: sources(f.source(100 * time.Second)), Secrets: specs(append(ids, "unread")...), RefreshWait: time.Second})
		if err := c.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 30 * 100 {
			time.Sleep(100 * time.Millisecond)
			for _, id := range ids {
				if reading := want(t, c, id, "one", false); reading.Waited {
					t.Fatal("a read waited")
				}
			}
		}
		if n := f.fetches() - 1; n < 3 || n > 4 {
			t.Errorf("%d calls in three TTLs for twenty secrets, want one each time", n)
		}
		if n := f.asked("unread"); n != 1 {
			t.Errorf("asked %d times for what nobody reads", n)
		}
	})
}

// TestReadAfterATTLBringsTheOthers: after an idle time too.
func TestReadAfterATTLBringsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("b", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		want(t, c, "b", "one", false)
		f.put("a", "two")
		f.put("b", "two")
		time.Sleep(10 * time.Minute)
		want(t, c, "a", "two", false)
		if reading := want(t, c, "b", "two", false); reading.Waited {
			t.Error("b did not travel with a")
		}
		if n := f.fetches(); n != 3 {
			t.Errorf("%d calls, want 3", n)
		}
	})
}

// TestTwoNamesAfterATTLMakeOneCall: the secret is asked for as it was at first.
func TestTwoNamesAfterATTLMakeOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		for range 3 { // past the TTL, past MaxStale
			time.Sleep(50 * time.Minute)
			done := make(chan bool)
			go func() { want(t, c, "a", "one", false); done <- true }()
			want(t, c, "arn-of-a", "one", false)
			<-done
		}
		if n, byARN := f.fetches(), f.asked("arn-of-a"); n != 4 || byARN != 0 {
			t.Errorf("%d calls, %d of them by ARN, want 4 by name", n, byARN)
		}
	})
}

// TestShortInvocationsDoNotStarveARefresh: their budgets end before the backend
// has answered, which is not its fault; a read then makes a call that goes on.
func TestShortInvocationsDoNotStarveARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: time.Hour, RefreshWait: 250 * time.Millisecond})
		want(t, c, "a", "one", false)
		f.put("a", "two")
		f.slow(100 * time.Millisecond)
		time.Sleep(10 * time.Minute)
		refresh := func(budget time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), budget)
			defer cancel()
			c.Refresh(ctx)
		}
		for range 10 {
			refresh(50 * time.Millisecond)
			refresh(-1)
		}
		if s := c.Status(); len(s.Outages) != 0 {
			t.Errorf("a call that was cut off is an outage: %+v", s.Outages)
		}
		go refresh(50 * time.Millisecond)
		synctest.Wait()
		want(t, c, "a", "two", false) // joins that refresh, and goes on when it is cut off
	})
}

// TestLongRefreshesAreOutages: a backend that hangs costs an invocation its
// budget now and then, and not each one.
func TestLongRefreshesAreOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), MaxStale: 24 * time.Hour, RefreshWait: 250 * time.Millisecond})
		want(t, c, "a", "one", false)
		want(t, c, "a", "one", false)
		f.slow(time.Hour)
		time.Sleep(10 * time.Minute)
		var cost time.Duration
		for range 10 * 60 { // an invocation each second
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			c.Refresh(ctx)
			cancel()
			cost += time.Since(start)
			want(t, c, "a", "one", true)
			time.Sleep(time.Second)
		}
		if cost > 100*time.Second || cost == 0 {
			t.Errorf("600 invocations waited %v for a backend that hangs", cost)
		}
	})
}

// TestRefreshWaitsForAHungCallOnce: a reader's call that hangs holds up the end
// of one invocation, and not of each until it has timed out.
func TestRefreshWaitsForAHungCallOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		source := f.source(time.Minute)
		source.Timeout = time.Hour
		c := open(t, agent.Config{Sources: sources(source), MaxStale: 24 * time.Hour, RefreshWait: 250 * time.Millisecond})
		want(t, c, "a", "one", false)
		f.slow(2 * time.Hour)
		time.Sleep(10 * time.Minute)
		start := time.Now()
		want(t, c, "a", "one", true)
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			c.Refresh(ctx)
			cancel()
		}
		if waited := time.Since(start); waited != 1250*time.Millisecond {
			t.Errorf("waited %v, want LARDER_REFRESH_WAIT and the budget of one invocation", waited)
		}
	})
}
