package agent

import "time"

// maxNames bounds the references under which one entry is found: a request can
// make up any number of them. Past it a read asks the backend.
const maxNames = 16

// entry is one secret that is held, under every reference known to name it.
type entry struct {
	asked      Reference          // as the backend was first asked: a refresh asks the same
	names      map[Reference]bool // every key of the index that leads here
	secret     *Secret
	fetched    time.Time // when the call that brought it began
	dueAt      time.Time // when a refresh ahead of the TTL's end may begin
	lastRead   time.Time
	configured bool

	outages int       // in a row
	outage  *Error    // the last of them
	retryAt time.Time // after an outage: not asked again before
}

// read notes that the entry has been read. Cache.mu is held.
func (e *entry) read(now time.Time, stale bool) Reading {
	e.lastRead = now
	return Reading{Secret: e.secret, Age: max(0, now.Sub(e.fetched)), Stale: stale}
}

// fresh reports whether e may be served without asking anybody.
func (c *Cache) fresh(e *entry, now time.Time) bool {
	return now.Before(e.fetched.Add(c.ttl(e)))
}

// usable reports whether e may stand in during an outage.
func (c *Cache) usable(e *entry, now time.Time) bool {
	ttl := c.ttl(e)
	return ttl > 0 && now.Before(e.fetched.Add(ttl+c.config.MaxStale))
}

func (c *Cache) ttl(e *entry) time.Duration {
	ttl := c.stores[e.asked.Scheme].TTL
	if ttl > 0 && e.secret.Immutable {
		return max(ttl, immutableTTL)
	}
	return ttl
}

// keep files what the backend answered to ref, under every name that the answer
// has. An answer to a question asked before the one that brought what is held
// changes no value. c.mu is held.
func (c *Cache) keep(ref Reference, s *Secret, began time.Time) {
	if c.stores[ref.Scheme].TTL == 0 {
		return // every read asks the backend: there is nothing to hold it for
	}
	e := c.index[ref]
	if len(s.Aliases) > 0 {
		e = c.index[s.Aliases[0]]
	}
	switch {
	case e == nil:
		e = &entry{asked: ref, names: map[Reference]bool{}, secret: s, lastRead: began}
		c.entries[e] = true
		c.bytes += e.size()
	case !began.Before(e.fetched):
		c.bytes -= e.size()
		e.secret = s
		c.bytes += e.size()
	default:
		began = e.fetched
	}
	e.fetched = began
	e.dueAt = began.Add(untilDue(c.ttl(e)))
	e.outages, e.outage, e.retryAt = 0, nil, time.Time{}
	c.name(e, ref)
	for _, alias := range s.Aliases {
		c.name(e, alias)
	}
	c.evict(e)
}

// name makes ref lead to e. Where it led to another entry, as after a secret
// was deleted and made anew, that one loses the name, and with its last name its
// place. c.mu is held.
func (c *Cache) name(e *entry, ref Reference) {
	if len(e.names) >= maxNames && !e.names[ref] && !c.configured[ref] {
		return
	}
	if old := c.index[ref]; old != nil && old != e {
		delete(old.names, ref)
		old.configured = false
		for name := range old.names {
			if !old.names[old.asked] {
				old.asked = name
			}
			old.configured = old.configured || c.configured[name]
		}
		if len(old.names) == 0 {
			c.forget(old)
		}
	}
	e.names[ref] = true
	e.configured = e.configured || c.configured[ref]
	c.index[ref] = e
	delete(c.failed, ref)
}

// forget drops e and all its names. c.mu is held.
func (c *Cache) forget(e *entry) {
	for ref := range e.names {
		delete(c.index, ref)
	}
	delete(c.entries, e)
	c.bytes -= e.size()
}

// size is what e counts for against the bound on bytes.
func (e *entry) size() int64 { return int64(e.secret.Value.Len()) }
