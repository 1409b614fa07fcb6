package scale

import "time"

// bucket is a quota: so many calls a second, and a second's worth at once.
type bucket struct {
	rate, tokens float64 // a rate of 0: no quota
	at           time.Duration
}

func newBucket(rate float64) bucket { return bucket{rate: rate, tokens: rate} }

// take reports whether a call is let pass.
func (b *bucket) take(now time.Duration) bool {
	if b.rate == 0 {
		return true
	}
	b.tokens = min(b.rate, b.tokens+b.rate*(now-b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
