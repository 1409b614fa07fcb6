package lambdatest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errGone tells a request that its environment has been shut down.
var errGone = errors.New("lambdatest: the execution environment is gone")

// environment is one execution environment: the processes from one INIT until
// the shutdown, and what the APIs know of them.
type environment struct {
	config *Config
	number int
	sink   *sink // nil: output is only kept
	began  time.Time
	gone   chan struct{} // closed when no process is left

	// These belong to the holder of the lifecycle slot.
	snapshot bool // it is one: stopped after INIT, and no invocation since
	restored bool // and has been restored for the next

	mu         sync.Mutex
	changed    chan struct{}         // closed and replaced with every change
	fault      *Fault                // the first one
	stopping   bool                  // exits are expected and faults ignored
	closed     bool                  // to registrations: the runtime has called Next
	processes  []*process            // in the order of their start
	function   *process              // nil until it is started
	extensions map[string]*extension // by identifier
	polls      int                   // pending Nexts of the runtime
	queue      []*invocation         // not fetched by the runtime yet
	inFlight   map[string]*invocation
}

func newEnvironment(config *Config, number int, sink *sink) *environment {
	return &environment{
		config:     config,
		number:     number,
		sink:       sink,
		began:      time.Now(),
		gone:       make(chan struct{}),
		changed:    make(chan struct{}),
		extensions: make(map[string]*extension),
		inFlight:   make(map[string]*invocation),
	}
}

// update makes a change and wakes everyone in await. change must not block.
func (e *environment) update(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
	close(e.changed)
	e.changed = make(chan struct{})
}

// await blocks until holds reports true, which may take what it found: it runs
// with the lock held, and never again after true. Await ends early with the
// context's error, or with errGone.
func (e *environment) await(ctx context.Context, holds func() bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.mu.Lock()
		done, changed := holds(), e.changed
		e.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-e.gone:
			return errGone
		}
	}
}

// awaitSound is await for the phases: a fault ends it too.
func (e *environment) awaitSound(ctx context.Context, holds func() bool) (*Fault, error) {
	var fault *Fault
	err := e.await(ctx, func() bool {
		fault = e.fault
		return fault != nil || holds()
	})
	return fault, err
}

// fail records the first fault. During a shutdown nothing is one.
func (e *environment) fail(fault *Fault) {
	e.update(func() {
		if e.fault == nil && !e.stopping {
			e.fault = fault
		}
	})
}

// idle reports whether the runtime and every extension wait in Next, so that
// the environment may be frozen. The lock must be held.
func (e *environment) idle() bool {
	if e.polls == 0 || len(e.queue) > 0 {
		return false
	}
	for _, x := range e.extensions {
		if !x.waiting() {
			return false
		}
	}
	return true
}

// started returns the processes so far. Besides the reports, they are for the
// goroutine that runs the lifecycle, which starts them, only.
func (e *environment) started() []*process {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]*process(nil), e.processes...)
}

// external returns the extension's process of that name, or nil. The lock must
// be held.
func (e *environment) external(name string) *process {
	for _, p := range e.processes {
		if p.name == name && p != e.function {
			return p
		}
	}
	return nil
}

// sound reports whether nothing has failed so far.
func (e *environment) sound() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fault == nil
}
