package agent

import (
	"context"
	"fmt"
	"time"
)

// SetDeadline has reads that wait for a backend end by t with an error, if not
// earlier: a function that would be killed while it waits can still say why. A
// later call moves the end of reads that wait already. A time that has passed
// limits nothing.
func (c *Cache) SetDeadline(t time.Time) { c.deadline.Store(t.UnixNano()) }

// untilDeadline is not positive where there is none.
func (c *Cache) untilDeadline() time.Duration {
	return time.Until(time.Unix(0, c.deadline.Load()))
}

// wait waits for the flight of p: where a value is held, for as long as there is
// patience, otherwise until the deadline.
func (c *Cache) wait(ctx context.Context, p *plan) error {
	var patience, deadline <-chan time.Time
	if p.held != nil {
		timer := time.NewTimer(p.patience)
		defer timer.Stop()
		patience = timer.C
	}
	if left := c.untilDeadline(); p.held == nil && left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		deadline = timer.C
	}
	for {
		select {
		case <-p.flight.done:
			return nil
		case <-patience:
			return nil
		case <-deadline:
			left := c.untilDeadline()
			if left <= 0 {
				return lateAnswer(p.flight.ref)
			}
			timer := time.NewTimer(left) // another invocation had begun a moment after the read
			defer timer.Stop()
			deadline = timer.C
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func lateAnswer(ref Reference) error {
	return &Error{
		Kind: Unavailable, Status: 504, Code: "Timeout",
		Message: fmt.Sprintf("secret %q: the backend has not answered, and the invocation is about to time out", ref.ID),
		Hint:    "raise the function's timeout, or list the secret in LARDER_SECRETS so that it is fetched at INIT",
	}
}
