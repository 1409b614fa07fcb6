package lambdatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// clockVariable names the file that holds the clock's shift.
const clockVariable = "LAMBDATEST_CLOCK"

// clock is the wall clock that the processes are to go by. Nobody can move the
// kernel's clock for a process, so that the shift is in a file, for binaries
// that are built to read it.
type clock struct {
	dir   string
	turn  slots        // whoever writes or removes the file
	shift atomic.Int64 // in nanoseconds, as in the file
}

// newClock creates the file, in a directory of its own.
func newClock() (*clock, error) {
	dir, err := os.MkdirTemp("", "lambdatest")
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	c := &clock{dir: dir, turn: make(slots, 1)}
	if err := c.write(0); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("clock: %w", err)
	}
	return c, nil
}

// path is the file's.
func (c *clock) path() string { return filepath.Join(c.dir, "shift") }

// now is the shifted time, without a monotonic reading: that would not have
// been shifted.
func (c *clock) now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.shift.Load()))
}

// move adds d to the shift.
func (c *clock) move(ctx context.Context, d time.Duration) error {
	if err := c.turn.acquire(ctx); err != nil {
		return err
	}
	defer c.turn.release()
	if ctx.Err() != nil { // by then the file may be gone
		return context.Cause(ctx)
	}
	if err := c.write(c.shift.Load() + int64(d)); err != nil {
		return fmt.Errorf("lambdatest: clock: %w", err)
	}
	return nil
}

// write replaces the file: a reader finds the old shift or the new one.
func (c *clock) write(shift int64) error {
	replacement := c.path() + ".new"
	if err := os.WriteFile(replacement, strconv.AppendInt(nil, shift, 10), 0o600); err != nil {
		return err
	}
	if err := os.Rename(replacement, c.path()); err != nil {
		return err
	}
	c.shift.Store(shift)
	return nil
}

// remove ends the clock's use. It may be called again.
func (c *clock) remove() error {
	c.turn <- struct{}{}
	defer c.turn.release()
	return os.RemoveAll(c.dir)
}

// Clock is the time with every shift so far: the one that a process believes
// in if it reads the file.
func (l *Lambda) Clock() time.Time { return l.clock.now() }

// ShiftClock moves the clock by d, forwards or back, at any time and for all
// processes at once.
//
// No process can be made to see another time from the kernel. The variable
// LAMBDATEST_CLOCK, which every process has, names a file with the shift in
// nanoseconds, as a decimal number without anything around it; it is replaced
// as a whole. Only a binary that is built to add that to its wall clock is
// moved. Monotonic clocks and timers are not, in any process, nor are the
// deadlines in events, headers and reports: a process compares those with its
// own unshifted clock, and the time limits here go by the unshifted one too.
func (l *Lambda) ShiftClock(d time.Duration) error {
	ctx, cancel := l.bound(context.Background())
	defer cancel()
	return l.clock.move(ctx, d)
}
