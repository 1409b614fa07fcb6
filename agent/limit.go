package agent

import (
	"fmt"
	"time"
)

// Reads that go past the cache are bounded, so that a loop in one function does
// not spend the quota of the account. A backend that is asked at every read
// anyway (TTL 0) is not bounded.
const (
	missesPerSecond  = 100
	missBurst        = 200
	refreshPerSecond = 10
	refreshBurst     = 10
	refreshInterval  = time.Second // for one secret
)

// limits counts what one cache lets through. The zero value lets full bursts
// through.
type limits struct {
	misses, refreshes bucket
	refreshed         map[Reference]time.Time
}

// take returns an error where another call for ref would be too much.
func (l *limits) take(ref Reference, mode Mode, now time.Time) error {
	if mode == Cached {
		if !l.misses.take(now, missesPerSecond, missBurst) {
			return tooMany(ref, "too many secrets that are not held were asked for", time.Second)
		}
		return nil
	}
	for other, at := range l.refreshed {
		if now.Sub(at) >= refreshInterval || now.Before(at) {
			delete(l.refreshed, other)
		}
	}
	if at, ok := l.refreshed[ref]; ok {
		return tooMany(ref, "it was refreshed on request less than a second ago", refreshInterval-now.Sub(at))
	}
	if !l.refreshes.take(now, refreshPerSecond, refreshBurst) {
		return tooMany(ref, "more than ten refreshes a second were asked for", time.Second)
	}
	if l.refreshed == nil {
		l.refreshed = map[Reference]time.Time{}
	}
	l.refreshed[ref] = now
	return nil
}

// limit bounds what reads make the backend of ref do. c.mu is held.
func (c *Cache) limit(ref Reference, mode Mode, now time.Time) error {
	if c.stores[ref.Scheme].TTL == 0 {
		return nil
	}
	err := c.limits.take(ref, mode, now)
	if err != nil {
		c.counts.Failures++
	}
	return err
}

func tooMany(ref Reference, problem string, wait time.Duration) error {
	return &Error{
		Kind: Throttled, Status: 429, Code: "TooManyRequests",
		Message: fmt.Sprintf("secret %q: %s", ref, problem), Hint: "read from the cache, or ask less often", RetryAfter: wait,
	}
}

// bucket is a token bucket. The zero value is full.
type bucket struct {
	spent float64
	at    time.Time
}

func (b *bucket) take(now time.Time, perSecond, burst float64) bool {
	if passed := now.Sub(b.at); passed > 0 {
		b.spent = max(0, b.spent-passed.Seconds()*perSecond)
	}
	b.at = now
	if b.spent+1 > burst {
		return false
	}
	b.spent++
	return true
}
