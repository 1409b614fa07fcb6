package agent

import "time"

// wall is the time on the clock on the wall, and the only one that counts here.
// The monotonic clock stands still while a Lambda environment is frozen, and a
// TTL measured with it would outlast the value.
func wall() time.Time { return time.Now().Round(0).Add(shifted()) }

// ahead reports whether at is still to come, by no more than most: a clock that
// has been set back would otherwise make anything wait for it.
func ahead(now, at time.Time, most time.Duration) bool {
	return now.Before(at) && at.Sub(now) <= most
}

// recent reports whether what was learned at the time at is still knowledge: for
// as long as the longest back-off, after which the backend has been asked anew.
func recent(now, at time.Time) bool { return ahead(now, at.Add(maxBackoff), maxBackoff) }
