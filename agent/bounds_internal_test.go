package agent

import (
	"testing"
	"time"
)

func TestUntilDueBounds(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 5 * time.Minute, 24 * time.Hour} {
		for range 1000 {
			if d := untilDue(ttl); d <= ttl*8/10 || d > ttl*9/10 {
				t.Fatalf("untilDue(%v) = %v, want the last tenth to fifth to be left", ttl, d)
			}
		}
	}
}

func TestBackoffBounds(t *testing.T) {
	tests := []struct {
		outages int
		most    time.Duration
	}{{1, 500 * time.Millisecond}, {2, time.Second}, {3, 2 * time.Second}, {6, 16 * time.Second}, {7, 30 * time.Second}, {100, 30 * time.Second}, {1 << 40, 30 * time.Second}}
	for _, test := range tests {
		var longest time.Duration
		for range 1000 {
			d := backoff(test.outages, maxBackoff)
			if d < 0 || d >= test.most {
				t.Fatalf("backoff(%d) = %v, want less than %v", test.outages, d, test.most)
			}
			longest = max(longest, d)
		}
		if longest < test.most/2 {
			t.Errorf("backoff(%d) is at most %v in a thousand: the jitter is not full", test.outages, longest)
		}
	}
}

func TestBucketSurvivesAClockThatJumps(t *testing.T) {
	var b bucket
	now := time.Unix(1e9, 0)
	for i := range 2 {
		if !b.take(now, 1, 2) {
			t.Fatalf("take %d was refused", i)
		}
	}
	if b.take(now, 1, 2) || b.take(now.Add(-time.Hour), 1, 2) {
		t.Error("a full bucket gave more")
	}
	if !b.take(now.Add(-time.Hour+time.Second), 1, 2) {
		t.Error("a second later nothing is given: the bucket waits for the old time")
	}
}
