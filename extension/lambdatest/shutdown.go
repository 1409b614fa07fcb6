package lambdatest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Reasons of a SHUTDOWN event (AWS Lambda developer guide, Extensions API,
// "Shutdown phase").
const (
	ReasonSpindown = "SPINDOWN"
	ReasonTimeout  = "TIMEOUT"
	ReasonFailure  = "FAILURE"
)

const (
	// internalGrace is the time for the shutdown where there are internal
	// extensions only ("Shutdown phase"); without any extension there is none.
	internalGrace = 500 * time.Millisecond

	// runtimeShare is how much of the time the runtime gets: the extensions
	// outlive it, and learn of the shutdown once it is gone. The figure is that
	// of the published runtime core.
	runtimeShare = 0.3
)

// KilledError reports processes that did not end in time by themselves.
type KilledError struct {
	Names []string // "function" or the extension's name
	After time.Duration
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("shutdown: killed after %v: %s", e.After, strings.Join(e.Names, ", "))
}

// shutdown ends every process: SIGTERM to the runtime, then the SHUTDOWN event
// to the extensions that registered for it, then SIGKILL. It returns when all
// have ended, with those that had time and did not use it. When ctx ends they
// are all killed at once.
func (e *environment) shutdown(ctx context.Context, reason string) []string {
	e.update(func() { e.stopping = true })
	defer close(e.gone)
	e.thaw()

	began := time.Now()
	grace := e.grace()
	late := e.stopFunction(ctx, time.Duration(float64(grace)*runtimeShare), grace)
	return append(late, e.stopExtensions(ctx, began.Add(grace), reason)...)
}

// grace is the time for the whole shutdown.
func (e *environment) grace() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case len(e.config.Extensions) > 0:
		return e.config.ShutdownTimeout
	case len(e.extensions) > 0:
		return min(internalGrace, e.config.ShutdownTimeout)
	default:
		return 0
	}
}

func (e *environment) stopFunction(ctx context.Context, limit, grace time.Duration) []string {
	e.mu.Lock()
	function := e.function
	e.mu.Unlock()
	if function == nil {
		return nil
	}
	if grace == 0 { // Lambda spends no time on a function without extensions
		function.kill()
		<-function.exited
		return nil
	}
	function.terminate()
	return awaitExit(ctx, []*process{function}, time.Now().Add(limit))
}

// stopExtensions tells the extensions. One that did not register for SHUTDOWN
// is killed without further notice; one that has posted an error is about to
// leave by itself, and gets the time to.
func (e *environment) stopExtensions(ctx context.Context, deadline time.Time, reason string) []string {
	told := make(map[*process]bool)
	e.update(func() {
		for _, x := range e.extensions {
			ev := event{EventType: eventShutdown, DeadlineMs: deadline.UnixMilli(), ShutdownReason: reason}
			told[x.process] = x.send(ev) || told[x.process]
		}
	})
	var extensions []*process
	for _, p := range e.started() {
		if p.name == functionProcess {
			continue
		}
		extensions = append(extensions, p)
		if !told[p] && len(p.snapshot().Errors) == 0 {
			p.kill()
			<-p.exited
		}
	}
	return awaitExit(ctx, extensions, deadline)
}

// awaitExit waits for the processes, kills those that are left at the deadline or
// when ctx ends, and names them.
func awaitExit(ctx context.Context, processes []*process, deadline time.Time) (killed []string) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var late []*process
	for _, p := range processes {
		select {
		case <-p.exited:
		case <-ctx.Done():
			if p.running() {
				p.kill()
				late = append(late, p)
			}
		}
	}
	for _, p := range late {
		<-p.exited
		if p.killed() {
			killed = append(killed, p.name)
		}
	}
	return killed
}
