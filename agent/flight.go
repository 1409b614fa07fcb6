package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const defaultTimeout = 30 * time.Second

// flight is one question to a backend that any number of readers wait for.
type flight struct {
	ref        Reference
	began      time.Time
	generation int

	done   chan struct{}
	result Result // set before done is closed
}

// errClosed is for those who ask after Close.
var errClosed = &Error{Kind: Unavailable, Status: 503, Code: "Closed", Message: "the agent is shutting down"}

// begin registers a flight for ref, which must have none; the caller launches
// it once c.mu, which is held, has been released.
func (c *Cache) begin(ref Reference, now time.Time) *flight {
	f := &flight{ref: ref, began: now, generation: c.generation, done: make(chan struct{})}
	if c.closed {
		f.result.Err = fmt.Errorf("secret %q: %w", ref, errClosed)
		close(f.done)
		return f
	}
	c.flights[ref] = f
	c.calls.Add(1)
	return f
}

// launch asks the backends, one call to Fetch for all flights of a scheme. The
// calls end with ctx, which readers do not control, at the source's timeout, and
// at Close.
func (c *Cache) launch(ctx context.Context, flights []*flight) {
	flights = slices.DeleteFunc(flights, func(f *flight) bool { return f.landed() })
	for len(flights) > 0 {
		scheme := flights[0].ref.Scheme
		var group, rest []*flight
		for _, f := range flights {
			if f.ref.Scheme == scheme {
				group = append(group, f)
			} else {
				rest = append(rest, f)
			}
		}
		go c.fly(ctx, c.stores[scheme], group)
		flights = rest
	}
}

// fly makes one call to a backend. Every flight lands, whatever the backend does.
func (c *Cache) fly(ctx context.Context, store *store, group []*flight) {
	defer c.calls.Add(-len(group))
	ctx, cancel := context.WithTimeout(ctx, store.timeout())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	refs := make([]Reference, len(group))
	for i, f := range group {
		refs[i] = f.ref
	}
	failure := func(ref Reference) error {
		return &Error{
			Kind: Unavailable, Status: 502, Code: "NoAnswer",
			Message: fmt.Sprintf("secret %q: the backend ended without an answer", ref),
		}
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			// What was panicked with may hold a value: its type has to do.
			c.config.Log.Error("a backend panicked", "scheme", refs[0].Scheme, "panic_type", fmt.Sprintf("%T", panicked))
		}
		for _, f := range group {
			c.land(f, Result{Err: failure(f.ref)})
		}
	}()

	backend, err := store.open(ctx)
	if err != nil {
		failure = func(ref Reference) error {
			e := *AsError(err)
			e.Message = fmt.Sprintf("secret %q: %s", ref, e.Message)
			return &e
		}
		return
	}
	backend.Fetch(ctx, refs, func(i int, r Result) {
		if i >= 0 && i < len(group) {
			c.land(group[i], r)
		}
	})
}

// land ends f with r; of several results the first counts.
func (c *Cache) land(f *flight, r Result) {
	if r.Err == nil && r.Secret == nil {
		return // no answer: it lands as one when the backend has returned
	}
	c.mu.Lock()
	if f.landed() {
		c.mu.Unlock()
		return
	}
	f.result = r
	if c.flights[f.ref] == f {
		delete(c.flights, f.ref)
	}
	transient := c.transient
	switch {
	case f.generation != c.generation || transient:
	case r.Err == nil:
		c.keep(f.ref, r.Secret, f.began)
	default:
		c.fail(f.ref, AsError(r.Err), wall())
	}
	close(f.done)
	c.mu.Unlock()

	if transient && r.Err == nil {
		c.warnTransient.Do(func() {
			c.config.Log.Warn("a secret was read before the snapshot, which holds what the function makes of it: read it in the handler", "secret", f.ref.String())
		})
	}
	if r.Err == nil {
		c.config.Log.Debug("fetched", "secret", f.ref.String(), "version", r.Secret.Version)
	} else {
		c.config.Log.Debug("not fetched", "secret", f.ref.String(), "error", r.Err)
	}
}

// landed reports whether the flight has ended.
func (f *flight) landed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// store is a source and its backend, which is opened on first use.
type store struct {
	Source
	turn    chan struct{} // holds one token; whoever has it may open the backend
	mu      sync.Mutex    // guards backend
	backend Backend
}

func newStore(source Source) *store {
	s := &store{Source: source, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

func (s *store) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return defaultTimeout
}

// open returns the backend, opening it once for all who ask meanwhile. After a
// failure the next caller tries again.
func (s *store) open(ctx context.Context) (Backend, error) {
	if b := s.opened(); b != nil {
		return b, nil
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	if b := s.opened(); b != nil {
		return b, nil
	}
	b, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backend = b
	return b, nil
}

func (s *store) opened() Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backend
}
