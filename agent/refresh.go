package agent

import (
	"context"
	"time"
)

// Refresh fetches anew what is due and has been read since it was last fetched,
// all together, and waits for it and for what is on its way already. When ctx
// ends first, its own calls are cancelled and what is held stays.
func (c *Cache) Refresh(ctx context.Context) {
	c.mu.Lock()
	now := wall()
	var begun, flights []*flight
	for e := range c.entries {
		switch f := c.flights[e.asked]; {
		case f != nil:
			flights = append(flights, f) // a reader's, which a freeze would cut off
		case e.lastRead.After(e.fetched) && c.due(e, now):
			begun = append(begun, c.begin(e.asked, now))
		}
	}
	c.mu.Unlock()
	flights = append(flights, begun...)
	c.launch(ctx, begun)
	for _, f := range flights {
		select {
		case <-f.done:
		case <-ctx.Done():
			return
		}
	}
}

// maintainEvery is how often Maintain looks for what is due.
const maintainEvery = time.Second

// Maintain refreshes by timer, where no invocation does it, until ctx ends or the
// cache is closed.
func (c *Cache) Maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.Refresh(ctx)
		case <-ctx.Done():
			return
		case <-c.ctx.Done():
			return
		}
	}
}

// refreshAhead begins a refresh of what a reader has just been served, if it is
// due, for nobody to wait for. c.mu is held.
func (c *Cache) refreshAhead(ref Reference, now time.Time) []*flight {
	if e := c.index[ref]; e != nil && c.due(e, now) {
		return []*flight{c.begin(e.asked, now)}
	}
	return nil
}

// due reports whether the TTL of e is about to end or has ended, and nobody is
// asking yet. c.mu is held.
func (c *Cache) due(e *entry, now time.Time) bool {
	return c.ttl(e) > 0 && !now.Before(e.dueAt) && !now.Before(e.retryAt) && c.flights[e.asked] == nil
}
