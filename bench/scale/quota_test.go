package scale

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := newBucket(100)
	passed := 0
	for now := time.Duration(0); now < 10*time.Second; now += time.Millisecond / 2 {
		if b.take(now) {
			passed++
		}
	}
	if passed != 100+1000-1 && passed != 100+1000 {
		t.Errorf("%d calls passed in ten seconds", passed)
	}
	none := newBucket(0)
	for range 3 {
		if !none.take(0) {
			t.Error("without a quota a call was refused")
		}
	}
}
