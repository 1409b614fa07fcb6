package agent

import (
	"context"
	"errors"
	"fmt"
)

// Prefetch fetches every configured secret and returns when all have been
// answered or ctx has ended; the calls then go on, and reads of what is missing
// wait for them. Each failure is logged once. Those of secrets that are not
// optional are returned together, and so is each that is still missing, with the
// error of ctx.
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
	c.listings = nil
	for _, spec := range c.config.Secrets {
		if flights[spec.Reference] != nil {
			continue
		}
		f := c.flights[spec.Reference]
		if f == nil && spec.IsPattern() {
			f = c.beginListing(spec.Reference)
			go c.list(f)
		}
		if f == nil {
			f = c.begin(spec.Reference, forPrefetch, now)
			begun = append(begun, f)
		}
		flights[spec.Reference] = f
	}
	c.mu.Unlock()
	c.launch(c.ctx, begun)

	go func() {
		defer c.calls.Done()
		defer close(done)
		for _, spec := range c.config.Secrets {
			<-flights[spec.Reference].done
			c.report(spec, flights[spec.Reference])
		}
		if err := c.fits(); err != nil {
			c.config.Log.Warn(err.Error())
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return c.missing(ctx, flights)
}

// report logs what is wrong with a configured secret.
func (c *Cache) report(spec Spec, f *flight) {
	err := f.problem(spec)
	switch {
	case err == nil || c.ctx.Err() != nil: // Close says nothing of the secret
	case spec.Optional && !AsError(err).Kind.Outage():
		c.config.Log.Debug("an optional secret is not there", "secret", spec.String(), "error", err)
	default:
		c.config.Log.Warn("a secret could not be prefetched", "secret", spec.String(), "error", err)
	}
}

// missing joins what is wrong with the secrets that are not optional.
func (c *Cache) missing(ctx context.Context, flights map[Reference]*flight) error {
	if c.ctx.Err() != nil {
		return errClosed
	}
	var all []error
	for _, spec := range c.config.Secrets {
		f := flights[spec.Reference]
		switch {
		case spec.Optional:
		case f.landed():
			all = append(all, f.problem(spec))
		default:
			all = append(all, &pending{spec, ctx.Err()})
		}
	}
	return errors.Join(append(all, c.fits())...)
}

// pending is a secret whose call had not ended when the time was over.
type pending struct {
	spec  Spec
	cause error
}

func (p *pending) Error() string { return fmt.Sprintf("secret %q: there is no answer yet", p.spec) }
func (p *pending) Unwrap() error { return p.cause }

// problem is why what f brought is not what spec asks for.
func (f *flight) problem(spec Spec) error {
	if f.result.Err != nil || f.ref.IsPattern() {
		return f.result.Err
	}
	_, err := f.result.Secret.Key(spec.Key)
	return err
}
