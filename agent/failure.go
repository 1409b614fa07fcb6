package agent

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"
)

const (
	// An answer such as "not found" is remembered this long, so that a reader
	// in a loop does not become a caller in a loop.
	negativeTTL    = 5 * time.Second
	maxFailed      = 1000
	maxFailedBytes = 1 << 20

	minBackoff    = 50 * time.Millisecond  // however the dice fall
	firstBackoff  = 500 * time.Millisecond // at most, after the first failure
	maxBackoff    = 30 * time.Second
	maxRetryAfter = 5 * time.Minute // whatever a store asks for

	// A store that throttles is up: who stays away for long misses its turn, and
	// who comes back at once is in the way of others. So back-offs are a part of
	// how long it has lasted (bench/scale).
	minThrottled  = 2 * minBackoff // at most, so that there is room for chance
	maxThrottled  = 2 * time.Second
	throttledPart = 64

	immutableTTL = time.Hour // what cannot change is still asked for, since access to it can
)

// failure is remembered for a reference of which no value is held.
type failure struct {
	err     error
	until   time.Time
	outages int
}

func (f failure) size(ref Reference) int { return len(ref.ID) + len(ref.Query) + len(f.err.Error()) }

// remembered returns the failure that is still the answer to ref. c.mu is held.
func (c *Cache) remembered(ref Reference, now time.Time) error {
	f, ok := c.failed[ref]
	if !ok || !ahead(now, f.until, maxRetryAfter) {
		return nil
	}
	return f.err
}

// fail files a failed call. An outage leaves what is held and puts off the next
// call; an answer replaces what is held once its TTL has ended. It returns what
// there is to log. c.mu is held.
func (c *Cache) fail(ref Reference, err *Error, now time.Time) (gone note) {
	e := c.index[ref]
	if e != nil && err.Kind.Outage() {
		e.outages++
		e.outage = err
		e.outageAt = now
		e.retryAt = c.place(ref).again(err, e.outages, now)
		return note{}
	}
	if e != nil {
		if c.fresh(e, now) && !(e.secret.Immutable && err.Kind == Denied) {
			e.retryAt = e.fetched.Add(c.ttl(e)) // when it is asked once more
			return note{}
		}
		if e.configured {
			gone = note{slog.LevelWarn, "a configured secret is no longer served: the backend has another answer by now", []any{
				"secret", ref.String(), "error", err,
			}}
		}
		c.forget(e)
	}
	if c.stores[ref.Scheme].TTL == 0 {
		return gone // every read asks the backend
	}
	f := failure{err: err, until: now.Add(negativeTTL)}
	if err.Kind.Outage() {
		f.outages = c.failed[ref].outages + 1
		f.until = c.place(ref).again(err, f.outages, now)
	}
	c.forgive(ref)
	c.makeRoomForFailure(f.size(ref), now)
	c.failed[ref] = f
	c.failedBytes += f.size(ref)
	return gone
}

// forgive forgets that ref has failed. c.mu is held.
func (c *Cache) forgive(ref Reference) {
	if f, ok := c.failed[ref]; ok {
		c.failedBytes -= f.size(ref)
		delete(c.failed, ref)
	}
}

// makeRoomForFailure keeps the failures bounded by themselves: requests for
// names that do not exist push out nothing but each other. c.mu is held.
func (c *Cache) makeRoomForFailure(size int, now time.Time) {
	full := func() bool { return len(c.failed) >= maxFailed || c.failedBytes+size > maxFailedBytes }
	if !full() {
		return
	}
	for ref := range c.failed {
		if c.remembered(ref, now) == nil {
			c.forgive(ref)
		}
	}
	for ref := range c.failed {
		if !full() {
			break
		}
		c.forgive(ref)
	}
}

// retryNow makes whatever was put off while p was down due at once, and begins to
// fetch what is configured and could not be had: together, as prefetch would have.
// c.mu is held.
func (c *Cache) retryNow(p *place, now time.Time) (begun []*flight) {
	for e := range c.entries {
		if e.outages > 0 && c.place(e.asked) == p {
			e.outages, e.retryAt = 0, time.Time{}
		}
	}
	for ref, f := range c.failed {
		if f.outages > 0 && c.place(ref) == p {
			c.forgive(ref)
		}
	}
	for _, spec := range c.config.Secrets {
		ref := spec.Reference
		if c.index[ref] == nil && c.flights[ref] == nil && !spec.IsPattern() && c.place(ref) == p && c.failed[ref].err == nil && !c.transient {
			begun = append(begun, c.begin(ref, forPrefetch, now))
		}
	}
	return begun
}

// retryAfter is how long to leave alone what has ended in e so many times in a
// row, in a place whose outages have lasted that long: as long as it asked for, or
// else exponentially longer, with full jitter, so that many environments do not
// come back at the same moment.
func (e *Error) retryAfter(outages int, lasted time.Duration) time.Duration {
	most := maxBackoff
	if e.Kind == Throttled {
		most = min(max(minThrottled, lasted/throttledPart), maxThrottled)
	}
	return min(max(e.RetryAfter, backoff(outages, most)), maxRetryAfter)
}

// tooOld is what a read gets when the value in e may no longer stand in. c.mu is
// held.
func (c *Cache) tooOld(e *entry, outage *Error, now time.Time) *Error {
	unavailable := *outage
	unavailable.Kind = Unavailable
	return unavailable.instead(fmt.Sprintf("secret %q: the backend does not answer, and what is held is older than LARDER_MAX_STALE (%s) past its TTL allows",
		e.asked.ID, c.config.MaxStale), e.retryAt.Sub(now))
}

// instead is the outage e as the reason why there is no call, with its own
// message after what happened.
func (e *Error) instead(happened string, wait time.Duration) *Error {
	refusal := *e
	if e.Kind == Unavailable && e.Status != 504 {
		refusal.Status = 503
	}
	refusal.Message = happened + "; the last call said: " + e.Message
	refusal.RetryAfter = max(wait, time.Second)
	return &refusal
}

func backoff(outages int, most time.Duration) time.Duration {
	limit := firstBackoff << min(outages-1, 10)
	return max(minBackoff, Jitter(min(limit, most)))
}

// Jitter returns a random duration from 0 up to limit. Its source is crypto/rand:
// environments restored from one snapshot share the state of any other.
func Jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	var b [8]byte
	rand.Read(b[:])
	return time.Duration(binary.NativeEndian.Uint64(b[:]) % uint64(limit))
}
