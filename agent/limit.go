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

// limits counts what reads make one backend do. The zero value lets full bursts
// through.
type limits struct {
	misses, refreshes bucket
	refreshed         map[Reference]time.Time
}

// miss returns an error where another call for ref would be too much.
func (l *limits) miss(ref Reference, now time.Time) error {
	if !l.misses.take(now, missesPerSecond, missBurst) {
		return tooMany(ref, "too many secrets that are not held were asked for", time.Second)
	}
	return nil
}

// refresh returns an error where another call on request for ref, of the secret
// that is asked for as asked, would be too much.
func (l *limits) refresh(ref, asked Reference, now time.Time) error {
	for other, at := range l.refreshed {
		if !ahead(now, at.Add(refreshInterval), refreshInterval) {
			delete(l.refreshed, other)
		}
	}
	if at, ok := l.refreshed[asked]; ok {
		return tooMany(ref, "it was refreshed on request less than a second ago", refreshInterval-now.Sub(at))
	}
	if !l.refreshes.take(now, refreshPerSecond, refreshBurst) {
		return tooMany(ref, "more than ten refreshes a second were asked for", time.Second)
	}
	if l.refreshed == nil {
		l.refreshed = map[Reference]time.Time{}
	}
	l.refreshed[asked] = now
	return nil
}

func tooMany(ref Reference, problem string, wait time.Duration) error {
	return &Error{
		Kind: Throttled, Status: 429, Code: "TooManyRequests",
		Message: fmt.Sprintf("secret %q: %s", ref.ID, problem), Hint: "read from the cache, or ask less often", RetryAfter: wait,
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
