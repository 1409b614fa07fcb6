package lambdatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrClosed is the error of every call on a closed Lambda.
	ErrClosed = errors.New("lambdatest: closed")

	// ErrAPIStopped is the error of Init and Invoke after StopAPI.
	ErrAPIStopped = errors.New("lambdatest: the API is stopped")
)

// Lambda is a function with its extensions in at most one execution
// environment. Its methods may be called concurrently.
type Lambda struct {
	config      Config
	api         *api
	sink        *sink
	clock       *clock
	credentials credentials // with SnapStart

	alive   context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup // the goroutines of invocations

	slots     slots // one per simultaneous invocation
	exclusive slots // whoever wants all slots
	lifecycle slots // whoever starts or ends an environment

	mu          sync.Mutex
	closed      bool
	current     *environment // nil when there is none
	initialised *Init        // of current, once it has succeeded
	attempted   bool         // an INIT since the start or the last Shutdown
	generation  int
	history     []*process
}

// New checks the configuration, listens and creates the file of the clock,
// which Close removes. It starts no process.
func New(config Config) (*Lambda, error) {
	if err := config.normalise(); err != nil {
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	l := &Lambda{
		config:    config,
		slots:     make(slots, max(1, config.Concurrency)),
		exclusive: make(slots, 1),
		lifecycle: make(slots, 1),
	}
	if config.Output != nil {
		l.sink = &sink{w: config.Output}
	}
	l.alive, l.end = context.WithCancel(context.Background())
	var err error
	if l.clock, err = newClock(); err != nil {
		l.end()
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	if l.api, err = listen(config.Addr, l.handler()); err != nil {
		l.end()
		l.clock.remove()
		return nil, fmt.Errorf("lambdatest: %w", err)
	}
	return l, nil
}

// Addr is the address of all APIs, as in AWS_LAMBDA_RUNTIME_API.
func (l *Lambda) Addr() string { return l.api.addr }

// URL is Addr as an endpoint URL, without a trailing slash.
func (l *Lambda) URL() string { return "http://" + l.api.addr }

// Init runs one INIT phase, limited by Config.InitTimeout, and returns its
// report. Where the environment is initialised already, it does nothing and
// returns the report of then. When INIT fails the environment is reset; the
// error is then the *Fault of the report, which is returned with it. With
// Config.SnapStart the result is a snapshot: see Restore.
func (l *Lambda) Init(ctx context.Context) (*Init, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	if err := l.lifecycle.acquire(ctx); err != nil {
		return nil, err
	}
	defer l.lifecycle.release()
	if e, report := l.environment(); e != nil && report != nil && e.sound() {
		return report, nil
	} else if e != nil {
		l.retire(ctx, e, ReasonFailure)
	}
	e, report, err := l.start(ctx, l.config.InitTimeout)
	if err != nil {
		return report, err
	}
	if report.Fault != nil {
		return report, report.Fault
	}
	if l.config.Freeze && !l.config.SnapStart { // which start has done for a snapshot
		e.freeze()
	}
	return report, nil
}

// start runs INIT in a new environment. If that fails, there is none
// afterwards. The lifecycle slot must be held.
func (l *Lambda) start(ctx context.Context, timeout time.Duration) (*environment, *Init, error) {
	if l.api.stopped() {
		return nil, nil, ErrAPIStopped
	}
	l.mu.Lock()
	l.generation++
	e := newEnvironment(&l.config, l.generation, l.sink)
	l.current, l.initialised, l.attempted = e, nil, true
	l.mu.Unlock()

	if l.config.SnapStart {
		l.credentials.renew()
	}
	report, err := e.initialise(ctx, place{l.api.addr, l.clock.path()}, timeout, func(p *process) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.history = append(l.history, p)
	})
	switch {
	case err != nil:
		l.retire(ctx, e, ReasonFailure)
	case report.Fault != nil:
		l.retire(ctx, e, report.Fault.shutdownReason())
	default:
		if l.config.SnapStart {
			e.take()
		}
		l.mu.Lock()
		l.initialised = report
		l.mu.Unlock()
	}
	return e, report, err
}

// retire shuts the environment down and leaves none. The lifecycle slot must be
// held.
func (l *Lambda) retire(ctx context.Context, e *environment, reason string) []string {
	killed := e.shutdown(ctx, reason)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current, l.initialised = nil, nil
	return killed
}

// Shutdown ends the environment as Lambda does, once running invocations are
// complete: SIGTERM to the runtime, the SHUTDOWN event to the extensions,
// SIGKILL after Config.ShutdownTimeout. The empty reason means SPINDOWN. The
// error is a *KilledError if a process did not end in time; Processes has the
// exit codes. A later Invoke begins with a new cold start.
func (l *Lambda) Shutdown(ctx context.Context, reason string) error {
	if reason == "" {
		reason = ReasonSpindown
	}
	ctx, cancel := l.bound(ctx)
	defer cancel()
	if err := l.exclusive.acquire(ctx); err != nil {
		return err
	}
	defer l.exclusive.release()
	for range cap(l.slots) {
		if err := l.slots.acquire(ctx); err != nil {
			return err
		}
		defer l.slots.release()
	}
	if err := l.lifecycle.acquire(ctx); err != nil {
		return err
	}
	defer l.lifecycle.release()

	var killed []string
	if e, _ := l.environment(); e != nil {
		killed = l.retire(ctx, e, reason)
	}
	l.mu.Lock()
	l.attempted = false
	l.mu.Unlock()
	if len(killed) > 0 {
		return &KilledError{Names: killed, After: l.config.ShutdownTimeout}
	}
	return nil
}

// StopAPI makes the API vanish: the listener and all connections are closed,
// processes keep running. There is no way back.
func (l *Lambda) StopAPI() { l.api.stop() }

// Close kills every process that is left and waits for everything that the
// Lambda has started. Later calls do nothing.
func (l *Lambda) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.running.Wait()
	l.lifecycle <- struct{}{}
	if e, _ := l.environment(); e != nil {
		l.retire(l.alive, e, ReasonSpindown)
	}
	<-l.lifecycle
	return errors.Join(l.api.close(), l.clock.remove())
}

// environment returns the current one, with its report once initialised.
func (l *Lambda) environment() (*environment, *Init) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current, l.initialised
}

// bound limits ctx by the Lambda's own life.
func (l *Lambda) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if l.alive.Err() != nil {
		cancel(ErrClosed)
	}
	stop := context.AfterFunc(l.alive, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}
