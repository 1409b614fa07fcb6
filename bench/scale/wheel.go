package scale

import "time"

const (
	tick  = 100 * time.Microsecond // the grain of all times
	slots = 1 << 19                // 52 s: longer than anybody waits
)

// wheel holds what is to happen, in a slot for each tick of the next 52 s. What
// falls into one tick happens in the order in which it was added.
type wheel struct {
	slots [][]event
	spare [][]event // of slots that have passed
	now   int
}

// event is the end of what a call waits for or, where there is no call, of what
// an environment waits for.
type event struct {
	env  *environment
	call *call
}

func newWheel() *wheel { return &wheel{slots: make([][]event, slots)} }

func (w *wheel) time() time.Duration { return time.Duration(w.now) * tick }

// add has e happen at a time, and in the next tick at the earliest, and returns
// when that is.
func (w *wheel) add(at time.Duration, e event) time.Duration {
	n := max(int((at+tick-1)/tick), w.now+1)
	if n-w.now >= slots {
		panic("scale: an event too far ahead")
	}
	slot := &w.slots[n%slots]
	if *slot == nil && len(w.spare) > 0 {
		*slot = w.spare[len(w.spare)-1]
		w.spare = w.spare[:len(w.spare)-1]
	}
	*slot = append(*slot, e)
	return time.Duration(n) * tick
}

// step returns what happens in this tick; done gives the slot back.
func (w *wheel) step() []event { return w.slots[w.now%slots] }

func (w *wheel) done() {
	slot := &w.slots[w.now%slots]
	if *slot != nil {
		clear(*slot)
		w.spare = append(w.spare, (*slot)[:0])
		*slot = nil
	}
	w.now++
}
