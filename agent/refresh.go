package agent

import (
	"context"
	"time"
)

// Refresh fetches anew what is due and has been read since it was last fetched,
// all together, and waits for it and for what is on its way already, since a
// freeze would cut it off. When ctx ends first, its own calls are cancelled and
// what is held stays; for the others no later Refresh waits again. A backend that
// was down gets one call; where that is answered the rest follows.
func (c *Cache) Refresh(ctx context.Context) {
	for range 2 {
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		underway := c.underway()
		begun := c.gather(wall())
		c.mu.Unlock()
		c.launch(ctx, begun)
		if !landedAll(ctx, underway) || !landedAll(ctx, begun) {
			c.giveUp(underway, begun)
			return
		}
	}
}

// underway returns the calls for what is held. c.mu is held.
func (c *Cache) underway() []*flight {
	var flights []*flight
	for e := range c.entries {
		if f := c.flights[e.asked]; f != nil && !f.late {
			flights = append(flights, f)
		}
	}
	return flights
}

func landedAll(ctx context.Context, flights []*flight) bool {
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// giveUp abandons a Refresh's own calls and waits for others no more.
func (c *Cache) giveUp(others, own []*flight) {
	c.mu.Lock()
	for _, f := range others {
		f.late = true
	}
	c.mu.Unlock()
	for _, f := range own {
		c.abandon(f)
	}
}

// maintainEvery is how often Maintain looks for what is due.
const maintainEvery = time.Second

// Maintain refreshes by timer, where no invocation does it, until ctx ends or the
// cache is closed. It waits for no call.
func (c *Cache) Maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.mu.Lock()
			begun := c.gather(wall())
			c.mu.Unlock()
			c.launch(c.ctx, begun)
		case <-ctx.Done():
			return
		case <-c.ctx.Done():
			return
		}
	}
}

// refreshAhead begins a refresh of e, which a reader has just been served, if it
// is due, for nobody to wait for. c.mu is held.
func (c *Cache) refreshAhead(e *entry, now time.Time) []*flight {
	if !c.due(e, now) {
		return nil
	}
	return c.gather(now, c.begin(e.asked, forReader, now))
}

// gather begins refreshes of what is due and has been read since it was fetched,
// with what will be due soon: they travel together. begun go first, and what else
// their backends have goes with them. c.mu is held.
func (c *Cache) gather(now time.Time, begun ...*flight) []*flight {
	travelling := map[string]bool{}
	for _, f := range begun {
		travelling[f.ref.Scheme] = true
	}
	if len(begun) == 0 {
		for e := range c.entries {
			if e.lastRead.After(e.fetched) && c.due(e, now) {
				travelling[e.asked.Scheme] = true
			}
		}
	}
	if len(travelling) == 0 {
		return nil
	}
	for e := range c.entries {
		if travelling[e.asked.Scheme] && e.lastRead.After(e.fetched) && c.dueFrom(e, e.fetched.Add(soonestDue(c.ttl(e))), now) {
			begun = append(begun, c.begin(e.asked, forReader, now))
		}
	}
	return begun
}

// due reports whether the TTL of e is about to end or has ended, nobody is asking
// yet, and its backend may be asked. c.mu is held.
func (c *Cache) due(e *entry, now time.Time) bool { return c.dueFrom(e, e.dueAt, now) }

func (c *Cache) dueFrom(e *entry, from, now time.Time) bool {
	ttl := c.ttl(e)
	return ttl > 0 && !ahead(now, from, ttl) && !c.putOff(e, now) && c.flights[e.asked] == nil && c.place(e.asked).admits(now)
}

// putOff reports whether e is not to be asked for yet, after an outage or an
// answer that came too early. c.mu is held.
func (c *Cache) putOff(e *entry, now time.Time) bool {
	return ahead(now, e.retryAt, max(maxRetryAfter, c.ttl(e)))
}

// untilDue is the part of a TTL after which a refresh may begin: the last tenth
// to fifth of it is left for the refresh, and readers do not wait.
func untilDue(ttl time.Duration) time.Duration { return soonestDue(ttl) + ttl/10 - Jitter(ttl/10) }

func soonestDue(ttl time.Duration) time.Duration { return ttl - ttl/5 }
