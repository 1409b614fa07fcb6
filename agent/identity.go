package agent

import (
	"container/list"
	"slices"
	"time"
)

// maxNames bounds the references under which one entry is found: a request can
// make up any number of them. Past it a read asks the backend.
const maxNames = 16

// entry is one secret that is held, under every reference known to name it.
type entry struct {
	asked      Reference   // as the backend was first asked: a refresh asks the same
	names      []Reference // every key of the index that leads here
	secret     *Secret
	sequence   uint64    // of the flight that brought it
	fetched    time.Time // when that began
	dueAt      time.Time // when a refresh ahead of the TTL's end may begin
	lastRead   time.Time
	recent     *list.Element
	configured bool

	outages  int    // in a row
	outage   *Error // the last of them
	outageAt time.Time
	retryAt  time.Time // after an outage: not asked again before
}

// fresh reports whether e may be served without asking anybody.
func (c *Cache) fresh(e *entry, now time.Time) bool {
	age := now.Sub(e.fetched)
	return age < c.ttl(e) && age > -jump // one from the future is of unknown age
}

// usable reports whether e may stand in during an outage.
func (c *Cache) usable(e *entry, now time.Time) bool {
	ttl := c.ttl(e)
	return ttl > 0 && now.Sub(e.fetched) < ttl+c.config.MaxStale
}

func (c *Cache) ttl(e *entry) time.Duration {
	ttl := c.stores[e.asked.Scheme].TTL
	if ttl > 0 && e.secret.Immutable {
		return max(ttl, immutableTTL)
	}
	return ttl
}

// keep files what the backend answered to f, under every name that the answer
// has. An answer to a question asked before the one that brought what is held
// changes no value and takes no name. c.mu is held.
func (c *Cache) keep(f *flight, s *Secret) {
	if c.stores[f.ref.Scheme].TTL == 0 {
		return // every read asks the backend: there is nothing to hold it for
	}
	e := c.index[f.ref]
	if len(s.Aliases) > 0 {
		e = c.index[s.Aliases[0]]
	}
	switch {
	case e == nil:
		e = &entry{asked: f.ref, secret: s.held(), lastRead: f.began}
		e.recent = c.recent.PushFront(e)
		c.entries[e] = true
		c.bytes += e.size()
		c.renew(e, f)
	case f.sequence > e.sequence:
		c.bytes -= e.size()
		e.secret = s.held()
		c.bytes += e.size()
		c.renew(e, f)
	}
	e.outages, e.outage, e.retryAt = 0, nil, time.Time{}
	for _, ref := range append([]Reference{f.ref}, s.Aliases...) {
		if other := c.index[ref]; other == nil || other.sequence < f.sequence {
			c.name(e, ref)
		}
	}
	if len(e.names) == 0 { // all of them lead to what was asked for later
		c.forget(e)
		return
	}
	if !slices.Contains(e.names, e.asked) {
		e.asked = e.names[0]
	}
	c.evict(e)
}

// renew begins a TTL as of f. c.mu is held.
func (c *Cache) renew(e *entry, f *flight) {
	e.sequence, e.fetched = f.sequence, f.began
	e.dueAt = f.began.Add(untilDue(c.ttl(e)))
}

// name makes ref lead to e. Where it led to another entry, as after a secret
// was deleted and made anew, that one loses the name, and with its last name its
// place. c.mu is held.
func (c *Cache) name(e *entry, ref Reference) {
	old := c.index[ref]
	if old == e || len(e.names) >= maxNames && !c.configured[ref] {
		return
	}
	if old != nil {
		c.unname(old, ref)
	}
	e.names = append(e.names, ref)
	e.configured = e.configured || c.configured[ref]
	if e.configured && len(c.listed) < maxNames*(1+len(c.configured)) {
		for _, name := range e.names {
			c.listed[name] = true
		}
	}
	c.index[ref] = e
	c.forgive(ref)
}

// unname takes ref from e. c.mu is held.
func (c *Cache) unname(e *entry, ref Reference) {
	if len(e.names) == 1 {
		c.forget(e)
		return
	}
	e.names = slices.DeleteFunc(e.names, func(name Reference) bool { return name == ref })
	e.configured = slices.ContainsFunc(e.names, func(name Reference) bool { return c.configured[name] })
	if e.asked == ref {
		e.asked = e.names[0]
	}
}

// forget drops e and all its names. What calls that began earlier will bring goes
// to those who wait for it, and is not kept in the place of e. c.mu is held.
func (c *Cache) forget(e *entry) {
	for _, ref := range e.names {
		delete(c.index, ref)
	}
	for f := range c.flying {
		if f.sequence < e.sequence && slices.Contains(e.names, f.ref) {
			f.overtaken = true
			c.leave(f)
		}
	}
	c.bytes -= e.size()
	delete(c.entries, e)
	c.recent.Remove(e.recent)
}

// size is what e counts for against the bound on bytes.
func (e *entry) size() int64 { return int64(e.secret.Value.Len()) }
