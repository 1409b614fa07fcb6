package agent

import "time"

// jump is by how much the two clocks may come apart between two reads before
// the process has been restored from a snapshot. Clocks that are being set right
// come apart by half a millisecond a second.
const jump = time.Second

// snapshot watches for a restore, which nothing announces: the clock on the wall
// goes on meanwhile and the monotonic one does not, and the credentials become
// others. Cache.mu guards it.
type snapshot struct {
	watched    bool
	wall       time.Time
	monotonic  time.Time
	identities map[string]string // by scheme: who the backend asked as
}

// restored reports whether the process has been since it was last asked.
func (s *snapshot) restored(now time.Time) bool {
	if !s.watched {
		return false
	}
	steady := time.Now()
	apart := now.Sub(s.wall) - steady.Sub(s.monotonic)
	s.wall, s.monotonic = now, steady
	return apart.Abs() > jump
}

// renewed reports whether the backend of scheme asks as somebody else than
// before.
func (s *snapshot) renewed(scheme, identity string) bool {
	if !s.watched || identity == "" || s.identities[scheme] == identity {
		return false
	}
	first := s.identities[scheme] == ""
	s.identities[scheme] = identity
	return !first
}

// watch begins to look for a restore.
func watch(now time.Time) snapshot {
	return snapshot{watched: true, wall: now, monotonic: time.Now(), identities: map[string]string{}}
}

// Drop forgets every value and failure, and the backends with their connections
// and credentials: whatever is read next is fetched anew. What a call already
// under way brings goes to those who wait for it and is not kept. From then on
// what is fetched is kept, and no restore is expected any more.
func (c *Cache) Drop() {
	c.mu.Lock()
	c.forgetAll()
	c.transient = false
	c.snapshot = snapshot{}
	c.mu.Unlock()
	for _, store := range c.stores {
		store.reset()
	}
}

// forgetAll forgets values, failures and what is known of the backends. c.mu is
// held.
func (c *Cache) forgetAll() {
	for e := range c.entries {
		c.forget(e)
	}
	clear(c.flights)
	clear(c.failed)
	clear(c.places)
	c.failedBytes = 0
	c.generation++
}

// notice forgets all where the process has been restored meanwhile, and leaves the
// backends with their connections and credentials: a read can come before Drop
// does. c.mu is held.
func (c *Cache) notice(now time.Time) {
	if !c.snapshot.restored(now) {
		return
	}
	c.forgetAll()
	for _, store := range c.stores {
		closing := store.leave()
		if !c.closed {
			c.calls.Go(closing)
		}
	}
}
