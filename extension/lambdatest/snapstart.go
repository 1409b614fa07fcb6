package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// snapStartInit is how long INIT may take where it ends in a snapshot (AWS
// Lambda developer guide, Lambda execution environment, "Init phase").
const snapStartInit = 15 * time.Minute

// ErrNoSnapshot is the error of Restore where there is nothing to restore. The
// text of what is returned says why.
var ErrNoSnapshot = errors.New("lambdatest: no snapshot")

// RestoreOptions say what has become of the world since the snapshot.
type RestoreOptions struct {
	// ClockJump is how long the snapshot has lain: the clock moves by it, as
	// ShiftClock does. A negative one sets it back.
	ClockJump time.Duration
}

// Restore makes ready what INIT has left behind under Config.SnapStart: it
// moves the clock and replaces the container credentials, in processes that
// stand still. They continue with the next invocation, as nothing announces a
// restore on the Extensions API. An invocation that finds a snapshot which has
// not been restored restores it by itself, without a jump; a snapshot that is
// restored again before any invocation is as if it had lain for longer.
//
// The snapshot is the stopped processes themselves: nothing copies their
// memory. So there is one environment at a time, and an invocation uses the
// snapshot up. What Restore finds then, or without Config.SnapStart, before
// Init or after a failure, is an ErrNoSnapshot; Shutdown and Init make a new
// snapshot. A running invocation is waited for.
//
// Differences from Lambda's: the monotonic clock goes on while processes are
// stopped, by as long as they are; connections stay open; random numbers are
// not shared with any other environment; and there are no runtime hooks, so
// that a runtime asks for its next invocation where others would ask for
// restore/next.
func (l *Lambda) Restore(ctx context.Context, options RestoreOptions) error {
	if !l.config.SnapStart {
		return fmt.Errorf("%w: Config.SnapStart is not set", ErrNoSnapshot)
	}
	ctx, cancel := l.bound(ctx)
	defer cancel()
	if err := l.slots.acquire(ctx); err != nil {
		return err
	}
	defer l.slots.release()
	if err := l.lifecycle.acquire(ctx); err != nil {
		return err
	}
	defer l.lifecycle.release()

	e, _ := l.environment()
	switch {
	case e == nil:
		return fmt.Errorf("%w: there is no environment: Init makes one", ErrNoSnapshot)
	case !e.snapshot:
		return fmt.Errorf("%w: an invocation has used it up: Shutdown and Init make another one", ErrNoSnapshot)
	case !e.sound():
		return fmt.Errorf("%w: a process of it has ended", ErrNoSnapshot)
	}
	e.freeze() // again: Thaw may have been called
	if err := l.clock.move(ctx, options.ClockJump); err != nil {
		return err
	}
	l.credentials.renew()
	e.restored = true
	return nil
}

// take makes a snapshot of an environment whose INIT has ended. The lifecycle
// slot must be held.
func (e *environment) take() {
	e.freeze()
	e.snapshot = true
}

// resume lets the processes continue for an invocation, and restores a snapshot
// that has not been yet. The lifecycle slot must be held.
func (l *Lambda) resume(e *environment) {
	if e.snapshot && !e.restored {
		l.credentials.renew()
	}
	e.snapshot, e.restored = false, false
	e.thaw()
}
