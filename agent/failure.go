package agent

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

const (
	// An answer such as "not found" is remembered this long, so that a reader
	// in a loop does not become a caller in a loop.
	negativeTTL = 5 * time.Second
	maxFailed   = 1000

	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second

	immutableTTL = time.Hour // what cannot change is still asked for, since access to it can
)

// failure is remembered for a reference of which no value is held.
type failure struct {
	err     error
	until   time.Time
	outages int
}

// fail files a failed call. An outage leaves what is held and puts off the next
// call; an answer replaces what is held once its TTL has ended. c.mu is held.
func (c *Cache) fail(ref Reference, err *Error, now time.Time) {
	e := c.index[ref]
	if e != nil && err.Kind.Outage() {
		e.outages++
		e.outage = err
		e.retryAt = now.Add(max(err.RetryAfter, backoff(e.outages)))
		e.dueAt = e.retryAt
		return
	}
	if e != nil {
		if c.fresh(e, now) && !(e.secret.Immutable && err.Kind == Denied) {
			e.dueAt = e.fetched.Add(c.ttl(e))
			return
		}
		c.forget(e)
	}
	if c.stores[ref.Scheme].TTL == 0 {
		return // every read asks the backend
	}
	f := failure{err: err, until: now.Add(negativeTTL)}
	if err.Kind.Outage() {
		f.outages = c.failed[ref].outages + 1
		f.until = now.Add(max(err.RetryAfter, backoff(f.outages)))
	}
	c.makeRoomForFailure(now)
	c.failed[ref] = f
}

// makeRoomForFailure keeps the failures bounded by themselves: requests for
// names that do not exist push out nothing but each other. c.mu is held.
func (c *Cache) makeRoomForFailure(now time.Time) {
	if len(c.failed) < maxFailed {
		return
	}
	var any Reference
	for ref, f := range c.failed {
		if !now.Before(f.until) {
			delete(c.failed, ref)
		}
		any = ref
	}
	delete(c.failed, any)
}

// backoff is how long to leave a backend alone after so many outages in a row:
// exponential, with full jitter, so that many environments do not come back at
// the same moment.
func backoff(outages int) time.Duration {
	limit := minBackoff << min(outages-1, 10)
	return jitter(min(limit, maxBackoff))
}

// untilDue is the part of a TTL after which a refresh may begin: the last tenth
// to fifth of it is left for the refresh, and readers do not wait.
func untilDue(ttl time.Duration) time.Duration { return ttl - ttl/10 - jitter(ttl/10) }

// jitter returns a random duration from 0 up to limit. Its source is crypto/rand:
// environments restored from one snapshot share the state of any other.
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	var b [8]byte
	rand.Read(b[:])
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(limit))
}
