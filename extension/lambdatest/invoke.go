package lambdatest

import (
	"context"
	"time"
)

// Invoke is Do with a payload alone.
func (l *Lambda) Invoke(ctx context.Context, payload []byte) (*Response, error) {
	return l.Do(ctx, Request{Payload: payload})
}

// Do invokes the function and returns when the environment is free for the next
// invocation: the function has responded and every extension has called Next,
// or a fault has reset the environment. Errors of the function and faults are
// in the Response; the error is the local Lambda's.
//
// Without an environment, Do runs INIT first: under Config.InitTimeout the
// first time, and under the function's timeout, as part of the invocation,
// after a failed INIT or a reset. With Config.SnapStart it is under
// Config.InitTimeout each time, and ends in a snapshot that Do restores. A
// process that has ended since the last invocation fails this one.
//
// Invocations wait for each other, but for Config.Concurrency of Managed
// Instances. There, one that times out fails alone. When ctx ends, a waiting
// invocation is withdrawn; a running one goes on by itself.
func (l *Lambda) Do(ctx context.Context, request Request) (*Response, error) {
	i, err := l.begin(ctx, request)
	if err != nil {
		return nil, err
	}
	select {
	case <-i.completed:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if i.err != nil {
		return nil, i.err
	}
	return i.response(), nil
}

// begin waits for a slot and starts the invocation in it.
func (l *Lambda) begin(ctx context.Context, request Request) (*invocation, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	if err := l.slots.acquire(ctx); err != nil {
		return nil, err
	}
	i := newInvocation(request)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.slots.release()
		return nil, ErrClosed
	}
	l.running.Go(func() {
		defer l.slots.release()
		defer close(i.completed)
		l.run(l.alive, i)
	})
	return i, nil
}

// run takes the invocation through INIT, if needed, its phase, and the reset
// after a fault.
func (l *Lambda) run(ctx context.Context, i *invocation) {
	e, err := l.prepare(ctx, i)
	if err == nil && e != nil {
		i.fault, err = e.invoke(ctx, i)
		i.total = time.Since(i.began)
	}
	switch {
	case err != nil:
		i.err = ErrClosed
		if ctx.Err() == nil {
			i.err = err
		}
	case e == nil:
		// prepare has failed the invocation
	case i.fault == nil && l.config.Freeze:
		e.freeze()
	case i.fault != nil && !(l.config.ManagedInstances && i.fault.Type == SandboxTimedout):
		l.reset(ctx, e, i.fault.shutdownReason())
	}
}

// prepare returns an initialised environment, continued and with the
// invocation's clock started, or none after failing the invocation because INIT
// has failed.
func (l *Lambda) prepare(ctx context.Context, i *invocation) (*environment, error) {
	if err := l.lifecycle.acquire(ctx); err != nil {
		return nil, err
	}
	defer l.lifecycle.release()
	if l.api.stopped() {
		return nil, ErrAPIStopped
	}
	e, _ := l.environment()
	l.mu.Lock()
	cold := !l.attempted || l.config.SnapStart
	l.mu.Unlock()
	if e == nil && cold {
		var report *Init
		var err error
		e, report, err = l.start(ctx, l.config.InitTimeout)
		if err != nil {
			return nil, err
		}
		i.inits = append(i.inits, report)
		if report.Fault != nil {
			e = nil
		}
	}
	i.began = time.Now()
	i.deadline = i.began.Add(l.config.Timeout)
	switch {
	case e == nil && l.config.SnapStart: // without its snapshot a function is not invoked
		i.fail(i.inits[0].Fault)
		return nil, nil
	case e == nil:
		return l.restart(ctx, i)
	}
	l.resume(e)
	return e, nil
}

// restart runs INIT as a part of the invocation.
func (l *Lambda) restart(ctx context.Context, i *invocation) (*environment, error) {
	e, report, err := l.start(ctx, l.config.Timeout)
	if err != nil {
		return nil, err
	}
	i.inits = append(i.inits, report)
	if report.Fault == nil {
		return e, nil
	}
	fault := report.Fault
	if fault.Type == SandboxTimedout {
		fault = i.timeout(l.config.Timeout)
		fault.Message += " (" + report.Fault.Message + ")"
	}
	i.fail(fault)
	return nil, nil
}

// reset ends the environment, unless another invocation has done so already.
func (l *Lambda) reset(ctx context.Context, e *environment, reason string) {
	l.lifecycle <- struct{}{} // its holders end with the Lambda's life
	defer l.lifecycle.release()
	if current, _ := l.environment(); current == e {
		l.retire(ctx, e, reason)
	}
}
