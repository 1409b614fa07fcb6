package agent

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// overdue is what a backend has to end its calls once their context has. One
// that does not keeps no reader waiting.
const overdue = time.Second

// flight is one question to a backend that any number of readers wait for.
type flight struct {
	ref        Reference
	began      time.Time
	sequence   uint64 // flights that began later have higher ones, whatever the clock does
	generation int
	purpose    purpose
	late       bool // a Refresh has waited for it in vain; guarded by Cache.mu, and so is the next
	overtaken  bool // what a later one brought has been forgotten since

	done      chan struct{}
	result    Result // set before done is closed, and so is the next
	abandoned bool   // by who launched it, before the backend had answered
}

// purpose is what a flight was begun for.
type purpose int

const (
	forReader   purpose = iota // of what is not held or no longer fresh
	forPrefetch                // which reports what fails
	forRequest                 // to go past the cache, which a failure leaves as it was
)

// errClosed is for those who ask after Close.
var errClosed = &Error{Kind: Unavailable, Status: 503, Code: "Closed", Message: "the agent is shutting down"}

// begin registers a flight for ref, in the place of any that is under way; the
// caller launches it once c.mu, which is held, has been released.
func (c *Cache) begin(ref Reference, why purpose, now time.Time) *flight {
	f := c.newFlight(ref, why, now)
	if c.closed {
		f.result.Err = fmt.Errorf("secret %q: %w", ref.ID, errClosed)
		close(f.done)
		return f
	}
	if p := c.place(ref); p.down(now) && !p.probing(now) {
		p.probe = f
	}
	c.flights[ref] = f
	c.flying[f] = true
	c.calls.Add(1)
	return f
}

// newFlight numbers a flight. c.mu is held.
func (c *Cache) newFlight(ref Reference, why purpose, now time.Time) *flight {
	c.sequence++
	return &flight{ref: ref, began: now, sequence: c.sequence, generation: c.generation, purpose: why, done: make(chan struct{})}
}

// launch asks the backends, one call to Fetch for all flights of a scheme. The
// calls end with ctx, which readers do not control, at the source's timeout, and
// at Close.
func (c *Cache) launch(ctx context.Context, flights []*flight) {
	flights = slices.DeleteFunc(slices.Clone(flights), func(f *flight) bool { return f.landed() })
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
		c.calls.Add(1)
		go c.fly(ctx, c.stores[scheme], group)
		flights = rest
	}
}

// fly makes one call to a backend. Every flight lands, whatever the backend does.
func (c *Cache) fly(launched context.Context, store *store, group []*flight) {
	ctx, cancel := context.WithTimeout(launched, store.timeout())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	failure := func(ref Reference) error {
		return &Error{
			Kind: Unavailable, Status: 502, Code: "NoAnswer",
			Message: fmt.Sprintf("secret %q: the backend ended without an answer", ref.ID),
		}
	}
	ended := make(chan struct{})
	end := sync.OnceFunc(c.calls.Done)
	defer context.AfterFunc(ctx, func() { c.landOverdue(group, ended); end() })()
	defer end()
	defer close(ended)
	defer func() {
		if panicked := recover(); panicked != nil {
			c.logPanic(group[0].ref.Scheme, panicked)
		}
		for _, f := range group {
			c.land(f, Result{Err: failure(f.ref)})
		}
	}()

	backend, err := store.open(ctx)
	if err != nil {
		failure = func(ref Reference) error {
			e := *AsError(err)
			e.Message = fmt.Sprintf("secret %q: %s", ref.ID, e.Message)
			return &e
		}
		return
	}
	refs := make([]Reference, len(group))
	for i, f := range group {
		refs[i] = f.ref
	}
	backend.Fetch(ctx, refs, func(i int, r Result) {
		switch {
		case i < 0 || i >= len(group):
		case r.Err != nil && launched.Err() != nil && c.ctx.Err() == nil:
			c.abandon(group[i])
		default:
			c.land(group[i], r)
		}
	})
}

// logPanic tells of a backend's panic. What was panicked with may hold a value: its
// type has to do.
func (c *Cache) logPanic(scheme string, panicked any) {
	c.config.Log.Error("a backend panicked", "scheme", scheme, "panic_type", fmt.Sprintf("%T", panicked))
}

// landOverdue lands what a backend holds on to though its context has ended.
func (c *Cache) landOverdue(group []*flight, ended <-chan struct{}) {
	timer := time.NewTimer(overdue)
	defer timer.Stop()
	select {
	case <-ended:
		return
	case <-timer.C:
	}
	for _, f := range group {
		c.land(f, Result{Err: &Error{
			Kind: Unavailable, Status: 504, Code: "Timeout",
			Message: fmt.Sprintf("secret %q: the backend did not answer in time", f.ref.ID),
		}})
	}
}

// abandon lands f without an answer since whoever launched it could not wait for
// longer.
func (c *Cache) abandon(f *flight) {
	c.settle(f, Result{Err: &Error{
		Kind: Unavailable, Status: 504, Code: "Timeout",
		Message: fmt.Sprintf("secret %q: no answer within the time that an invocation has for a refresh", f.ref.ID),
	}}, true)
}

// land ends f with r; of several results the first counts.
func (c *Cache) land(f *flight, r Result) {
	switch {
	case r.Err == nil && r.Secret == nil:
		return // no answer: it lands as one when the backend has returned
	case r.Err == nil && !r.Secret.answers(f.ref):
		r = Result{Err: &Error{
			Kind: Unavailable, Status: 502, Code: "WrongAnswer",
			Message: fmt.Sprintf("secret %q: the backend answered for another", f.ref.ID),
		}}
	}
	c.settle(f, r, false)
}

func (c *Cache) settle(f *flight, r Result, abandoned bool) {
	c.mu.Lock()
	if f.landed() {
		c.mu.Unlock()
		return
	}
	f.result, f.abandoned = r, abandoned
	c.leave(f)
	delete(c.flying, f)
	begun, notable := c.file(f, wall())
	transient := c.transient
	close(f.done)
	c.mu.Unlock()
	defer c.calls.Done()
	c.launch(c.ctx, begun)

	c.log(notable)
	switch {
	case r.Err != nil:
		c.config.Log.Debug("not fetched", "secret", f.ref.String(), "error", r.Err)
		return
	case transient:
		c.warnTransient.Do(func() {
			c.config.Log.Warn("a secret was read before the snapshot, which holds what the function makes of it: read it in the handler", "secret", f.ref.String())
		})
	}
	c.config.Log.Debug("fetched", "secret", f.ref.String(), "version", r.Secret.Version)
}

// leave has nobody wait for f any more who does not do so already. c.mu is held.
func (c *Cache) leave(f *flight) {
	if c.flights[f.ref] == f {
		delete(c.flights, f.ref)
	}
}

// file notes what f brought, for those who did not wait for it, and returns what
// is to be launched because of it, and to be logged. c.mu is held.
func (c *Cache) file(f *flight, now time.Time) (begun []*flight, _ note) {
	store := c.stores[f.ref.Scheme]
	c.notice(now)
	if c.snapshot.renewed(f.ref.Scheme, store.identity()) {
		c.forgetAll()
	}
	if f.generation != c.generation || c.closed || store.TTL == 0 {
		return nil, note{}
	}
	if f.abandoned && now.Sub(f.began) < c.config.RefreshWait {
		return nil, note{} // it had less time than a backend may take
	}
	err, p := AsError(f.result.Err), c.place(f.ref)
	if err != nil && err.Kind.Outage() {
		if !c.transient && f.purpose != forRequest {
			c.fail(f.ref, err, now)
		}
		return nil, p.outage(f, err, now)
	}
	over, n := p.answered(f.ref, now)
	switch {
	case c.transient || f.overtaken:
	case err == nil:
		c.keep(f, f.result.Secret)
	case f.purpose != forRequest:
		if gone := c.fail(f.ref, err, now); gone.message != "" {
			n = gone
		}
	}
	if over {
		begun = c.retryNow(p, now)
	}
	return begun, n
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
