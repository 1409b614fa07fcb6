package agent

import (
	"context"
	"errors"
)

// Prefetch fetches every configured secret and returns when all have been
// answered or ctx has ended; the calls then go on, and reads of what is missing
// wait for them. Each failure is logged once, and those of secrets that are not
// optional are returned together.
func (c *Cache) Prefetch(ctx context.Context) error {
	done := make(chan struct{})
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errClosed
	}
	c.calls.Add(1) // for the report
	c.prefetched = done
	now := wall()
	flights := make(map[Reference]*flight, len(c.config.Secrets))
	var begun []*flight
	for _, spec := range c.config.Secrets {
		if flights[spec.Reference] != nil {
			continue
		}
		f := c.flights[spec.Reference]
		if f == nil {
			f = c.begin(spec.Reference, now)
			begun = append(begun, f)
		}
		flights[spec.Reference] = f
	}
	c.mu.Unlock()
	c.launch(c.ctx, begun)

	failures := make(chan error, 1)
	go func() {
		defer c.calls.Done()
		defer close(done)
		failures <- c.report(flights)
	}()
	select {
	case err := <-failures:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// report waits for each configured secret and says what is wrong with it.
func (c *Cache) report(flights map[Reference]*flight) error {
	var all []error
	for _, spec := range c.config.Secrets {
		f := flights[spec.Reference]
		<-f.done
		err := f.result.Err
		if err == nil {
			_, err = f.result.Secret.Key(spec.Key)
		}
		switch {
		case err == nil:
		case c.ctx.Err() != nil:
			return errClosed // which says nothing of the secret
		case spec.Optional && !AsError(err).Kind.Outage():
			c.config.Log.Debug("an optional secret is not there", "secret", spec.String(), "error", err)
		default:
			c.config.Log.Warn("a secret could not be prefetched", "secret", spec.String(), "error", err)
			if !spec.Optional {
				all = append(all, err)
			}
		}
	}
	return errors.Join(all...)
}
