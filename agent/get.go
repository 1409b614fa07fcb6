package agent

import (
	"context"
	"time"
)

// Mode says whether a read may be answered from memory.
type Mode int

const (
	Cached Mode = iota // from memory while fresh, stale during an outage
	Fresh              // from the backend, or not at all
)

// Reading is a secret as one read got it.
type Reading struct {
	Secret *Secret
	Age    time.Duration // since the backend was asked for it
	Stale  bool          // past its TTL, and the backend has not answered since
}

// Get returns the secret that ref names. A held and fresh one is returned at
// once; otherwise Get waits for the backend, for as long as ctx allows. Callers
// that ask for the same reference at once share one backend call, which none of
// them can cancel. The error wraps or is an [Error], or is that of ctx.
func (c *Cache) Get(ctx context.Context, ref Reference, mode Mode) (Reading, error) {
	if err := c.admit(ctx, ref); err != nil {
		return Reading{}, err
	}
	for first := true; ; first = false {
		c.mu.Lock()
		now := wall()
		if mode == Cached {
			if reading, err, ok := c.recall(ref, now); ok {
				ahead := c.refreshAhead(ref, now)
				c.mu.Unlock()
				c.launch(c.ctx, ahead)
				return reading, err
			}
		}
		held := c.index[ref]
		if mode != Cached || held != nil && !c.usable(held, now) {
			held = nil
		}
		f := c.flights[ref]
		if f == nil && held != nil && first {
			f = c.flights[held.asked] // the refresh of the same secret under another name
		}
		var begun []*flight
		if f == nil {
			if held == nil { // refreshing what is held is bounded by its TTL and its back-off
				if err := c.limit(ref, mode, now); err != nil {
					c.mu.Unlock()
					return Reading{}, err
				}
			}
			f = c.begin(ref, now)
			begun = []*flight{f}
		}
		c.mu.Unlock()
		c.launch(c.ctx, begun)

		if waited, err := c.wait(ctx, f, held != nil); err != nil {
			return Reading{}, err
		} else if !waited {
			return c.stale(ref, held), nil
		}
		if f.ref == ref {
			return c.conclude(f, mode)
		}
	}
}

// recall answers from memory: a fresh value, a failure that is still
// remembered, or while the backend is known to be down a stale value, and once
// that is too old the outage. c.mu is held.
func (c *Cache) recall(ref Reference, now time.Time) (Reading, error, bool) {
	e := c.index[ref]
	switch {
	case e != nil && c.fresh(e, now):
		c.counts.Hits++
		return e.read(now, false), nil, true
	case e != nil && c.usable(e, now) && now.Before(e.retryAt):
		c.counts.Stale++
		return e.read(now, true), nil, true
	case e != nil && c.ttl(e) > 0 && now.Before(e.retryAt):
		c.counts.Failures++
		return Reading{}, e.outage, true
	}
	if f, ok := c.failed[ref]; ok && now.Before(f.until) && (e == nil || !c.usable(e, now)) {
		c.counts.Failures++
		return Reading{}, f.err, true
	}
	return Reading{}, nil, false
}

// wait waits for f. Where a value is held it gives up after RefreshWait and
// reports that it did not wait to the end.
func (c *Cache) wait(ctx context.Context, f *flight, held bool) (bool, error) {
	var patience <-chan time.Time
	if held {
		timer := time.NewTimer(c.config.RefreshWait)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-f.done:
		return true, nil
	case <-patience:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// stale reads held, whose refresh is still under way.
func (c *Cache) stale(ref Reference, held *entry) Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.index[ref]; e != nil {
		held = e // the refresh may have ended a moment ago
	}
	now := wall()
	reading := held.read(now, !c.fresh(held, now))
	if reading.Stale {
		c.counts.Stale++
	}
	return reading
}

// conclude turns what the flight brought into what its reader gets.
func (c *Cache) conclude(f *flight, mode Mode) (Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := wall()
	if f.result.Err == nil {
		c.counts.Misses++
		if e := c.index[f.ref]; e != nil {
			e.lastRead = now
		}
		return Reading{Secret: f.result.Secret, Age: now.Sub(f.began)}, nil
	}
	failure := AsError(f.result.Err)
	if e := c.index[f.ref]; mode == Cached && e != nil && failure.Kind.Outage() && c.usable(e, now) {
		c.counts.Stale++
		return e.read(now, true), nil
	}
	c.counts.Failures++
	return Reading{}, f.result.Err
}
