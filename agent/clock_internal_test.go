package agent

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// constant is a backend with one answer, and an identity that a test changes.
type constant struct {
	identity string
	closed   atomic.Int64
}

func (b *constant) Fetch(_ context.Context, refs []Reference, deliver func(int, Result)) {
	for i, ref := range refs {
		deliver(i, Result{Secret: &Secret{Name: ref.ID, Version: "1", Value: NewValue([]byte("x"))}})
	}
}

func (b *constant) Identity() string { return b.identity }

func (b *constant) Close() error { b.closed.Add(1); return nil }

var constantRef = Reference{Scheme: "constant", ID: "a"}

// holding returns a cache that holds constantRef.
func holding(t *testing.T, b *constant, snapshot bool) *Cache {
	t.Helper()
	c := New(Config{
		Sources:  map[string]Source{"constant": {Open: func(context.Context) (Backend, error) { return b, nil }, TTL: time.Minute}},
		Snapshot: snapshot, MaxStale: time.Hour, RefreshWait: time.Second,
	})
	t.Cleanup(c.Close)
	if _, err := c.Get(t.Context(), constantRef, Cached); err != nil {
		t.Fatal(err)
	}
	return c
}

// at plans a read at another time than the clock's.
func (c *Cache) at(shift time.Duration) plan {
	now := wall().Add(shift)
	c.mu.Lock()
	p := c.plan(&read{ref: constantRef, began: now}, now)
	c.mu.Unlock()
	c.launch(c.ctx, p.begun)
	return p
}

// TestClockSetBack: a value from the future is of unknown age: it may stand in,
// and it is asked for anew; what is asked later counts, whatever the clock says.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := holding(t, &constant{}, false)
		if p := c.at(-500 * time.Millisecond); p.flight != nil || p.reading.Stale || p.reading.Age != 0 {
			t.Errorf("a clock that is being set right: %+v", p)
		}
		if p := c.at(-time.Hour); p.flight == nil || p.held == nil {
			t.Fatalf("a clock set back by an hour: %+v", p)
		}
		synctest.Wait()
		e := c.index[constantRef]
		if e.sequence != 2 || e.fetched.After(wall()) {
			t.Errorf("the later answer has not replaced the one from the future: %+v", e)
		}
	})
}

// TestClockSetForward: what was fetched before is past its TTL.
func TestClockSetForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := holding(t, &constant{}, false)
		if p := c.at(2 * time.Minute); p.flight == nil || p.held == nil {
			t.Errorf("two minutes later: %+v", p)
		}
		synctest.Wait()
		if p := c.at(3 * time.Hour); p.flight == nil || p.held != nil {
			t.Errorf("three hours later: %+v", p)
		}
	})
}

// TestBackoffSurvivesAClockSetBack: nothing is put off for longer than was meant.
func TestBackoffSurvivesAClockSetBack(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := now.Add(10 * time.Second)
	for shift, ahead_ := range map[time.Duration]bool{0: true, 9 * time.Second: true, 10 * time.Second: false, -time.Hour: false} {
		if got := ahead(now.Add(shift), at, maxBackoff); got != ahead_ {
			t.Errorf("with the clock moved by %v: %v", shift, got)
		}
	}
}

// TestRestoreForgets: a jump of the clock or other credentials drop what is held
// before the first Drop, and not after it.
func TestRestoreForgets(t *testing.T) {
	tests := []struct {
		name             string
		snapshot, drop   bool
		jump             time.Duration
		identity         string
		forgets, reopens bool
	}{
		{name: "nothing happened", snapshot: true},
		{name: "the clock drifts", snapshot: true, jump: 900 * time.Millisecond},
		{name: "the clock jumped", snapshot: true, jump: 2 * time.Second, forgets: true, reopens: true},
		{name: "the clock jumped back", snapshot: true, jump: -2 * time.Second, forgets: true, reopens: true},
		{name: "other credentials", snapshot: true, identity: "second", forgets: true},
		{name: "a jump where there is no snapshot", jump: 2 * time.Second},
		{name: "other credentials where there is no snapshot", identity: "second"},
		{name: "a jump after Drop", snapshot: true, drop: true, jump: 2 * time.Second, reopens: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &constant{identity: "first"}
				c := holding(t, b, test.snapshot)
				if test.drop {
					c.Drop()
					c.Get(t.Context(), constantRef, Cached)
				}
				if test.identity != "" {
					b.identity = test.identity
					c.Get(t.Context(), Reference{Scheme: "constant", ID: "b"}, Cached)
				}
				if p := c.at(test.jump); (p.held == nil && p.flight != nil) != test.forgets {
					t.Errorf("the read after it: %+v", p)
				}
				synctest.Wait()
				if n := b.closed.Load(); (n > 0) != test.reopens { // and again when the flight lands, at the clock's own time
					t.Errorf("the backend was closed %d times", n)
				}
			})
		})
	}
}
