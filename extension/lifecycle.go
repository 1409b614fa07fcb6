package extension

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Hooks are what an extension does in the phases of its life; nil ones do
// nothing. They run one after the other.
type Hooks struct {
	// Start ends before Register, which the start of the runtime waits for: what
	// it takes is added to every cold start. Its error ends INIT.
	Start func(ctx context.Context) error

	// Init runs beside the runtime's own start. INIT ends no earlier than it
	// does. Its error ends INIT.
	Init func(ctx context.Context, f *Function) error

	// Invoke runs beside the handler. The function's timeout covers it.
	Invoke func(ctx context.Context, e Event)

	// Shutdown runs when Lambda or a signal ends the process. ctx ends a little
	// before Lambda kills it.
	Shutdown func(ctx context.Context)
}

// Error is an error with the one word that Lambda is told as its type.
type Error struct {
	Reason string // such as ConfigInvalid
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

const (
	// shutdownTime is what Lambda gives external extensions (2000 ms; developer
	// guide, "Shutdown phase"), for an end that a signal brings.
	shutdownTime   = 2 * time.Second
	shutdownMargin = 100 * time.Millisecond
)

// Run lives an extension's life: Start, Register, Init, then an event after the
// other. It returns nil after SHUTDOWN or when ctx ends, as it does on a signal;
// the process should then exit with status 0. Any error has been reported to
// Lambda as far as Lambda listens, and has yet to be logged.
func Run(ctx context.Context, c *Client, hooks Hooks) error {
	startErr := call(ctx, hooks.Start)
	function, err := register(ctx, c)
	if err != nil {
		// Without an identifier there is nobody to report to.
		stop(hooks, time.Now().Add(shutdownTime))
		if ctx.Err() != nil {
			return nil
		}
		return errors.Join(startErr, err)
	}
	if err := startErr; err != nil {
		return fail(ctx, c.InitError, hooks, err)
	}
	if hooks.Init != nil {
		if err := hooks.Init(ctx, function); err != nil && ctx.Err() == nil {
			return fail(ctx, c.InitError, hooks, err)
		}
	}
	return events(ctx, c, hooks)
}

// register asks for both events, or for SHUTDOWN alone where Lambda does not
// send INVOKE: Managed Instances refuse it.
func register(ctx context.Context, c *Client) (*Function, error) {
	function, err := c.Register(ctx, Invoke, Shutdown)
	var refused *APIError
	if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		return c.Register(ctx, Shutdown)
	}
	return function, err
}

// events handles events until the last.
func events(ctx context.Context, c *Client, hooks Hooks) error {
	for {
		event, err := c.Next(ctx)
		switch {
		case ctx.Err() != nil:
			stop(hooks, time.Now().Add(shutdownTime))
			return nil
		case err != nil:
			return fail(ctx, c.ExitError, hooks, &Error{Reason: "NextFailed", Err: err})
		case event.Type == Shutdown:
			stop(hooks, event.Deadline())
			return nil
		case event.Type == Invoke && hooks.Invoke != nil:
			hooks.Invoke(ctx, *event)
		}
	}
}

// fail reports err to Lambda and ends what Start began.
func fail(ctx context.Context, report func(context.Context, string, error) error, hooks Hooks, err error) error {
	reason := "Failed"
	var named *Error
	if errors.As(err, &named) {
		reason = named.Reason
	}
	// That Lambda does not listen is told by err already, or is the smaller evil.
	_ = report(context.WithoutCancel(ctx), reason, err)
	stop(hooks, time.Now().Add(shutdownTime))
	return err
}

func stop(hooks Hooks, deadline time.Time) {
	if hooks.Shutdown == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline.Add(-shutdownMargin))
	defer cancel()
	hooks.Shutdown(ctx)
}

func call(ctx context.Context, hook func(context.Context) error) error {
	if hook == nil {
		return nil
	}
	return hook(ctx)
}
