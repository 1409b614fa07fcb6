package agent

import (
	"context"
	"fmt"
	"strings"
)

// Lister is a [Backend] that knows what there is. List asks for everything under
// a pattern, which ends in /*, and calls deliver for each secret; by its Name it is
// asked for from then on.
type Lister interface {
	List(ctx context.Context, pattern Reference, deliver func(*Secret)) error
}

// IsPattern reports whether the reference stands for everything under a path.
func (r Reference) IsPattern() bool { return strings.HasSuffix(r.ID, "/*") }

// covers reports whether r, a pattern, stands for ref too.
func (r Reference) covers(ref Reference) bool {
	return r.Scheme == ref.Scheme && r.Query == ref.Query && strings.HasPrefix(ref.ID, strings.TrimSuffix(r.ID, "*"))
}

// beginListing registers a flight for the pattern, which reads of what is under
// it wait for. c.mu is held.
func (c *Cache) beginListing(pattern Reference) *flight {
	f := c.newFlight(pattern, forPrefetch, wall())
	c.listings = append(c.listings, f)
	c.calls.Add(1)
	return f
}

// listingOf returns the flight that will bring ref, if there is one. c.mu is held.
func (c *Cache) listingOf(ref Reference) *flight {
	for _, f := range c.listings {
		if !f.landed() && f.ref.covers(ref) {
			return f
		}
	}
	return nil
}

// list asks for everything under the pattern of f, and keeps each secret as if it
// had been configured by its name.
func (c *Cache) list(f *flight) {
	store := c.stores[f.ref.Scheme]
	ctx, cancel := context.WithTimeout(c.ctx, store.timeout())
	defer cancel()
	err := error(&Error{
		Kind: Unavailable, Status: 502, Code: "NoAnswer",
		Message: fmt.Sprintf("secrets %q: the backend ended without an answer", f.ref.ID),
	})
	defer func() {
		if panicked := recover(); panicked != nil {
			c.logPanic(f.ref.Scheme, panicked)
		}
		c.endListing(f, err)
	}()
	backend, failure := store.open(ctx)
	lister, ok := backend.(Lister)
	switch {
	case failure != nil:
		err = failure
	case !ok:
		err = &Error{
			Kind: Invalid, Status: 400, Code: "NoPatterns",
			Message: fmt.Sprintf("secrets %q: this backend does not know what it holds", f.ref.ID), Hint: "name each secret",
		}
	default:
		err = lister.List(ctx, f.ref, func(s *Secret) { c.keepListed(f, s) })
	}
}

// keepListed files one of the secrets that f has brought.
func (c *Cache) keepListed(f *flight, s *Secret) {
	ref := Reference{Scheme: f.ref.Scheme, ID: s.Name, Query: f.ref.Query}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.generation != c.generation || c.closed || c.transient || !f.ref.covers(ref) {
		return
	}
	c.configured[ref], c.listed[ref] = true, true
	one := *f
	one.ref = ref
	c.keep(&one, s)
}

// endListing ends f.
func (c *Cache) endListing(f *flight, err error) {
	c.mu.Lock()
	f.result.Err = err
	var n note
	if e := AsError(err); e == nil || !e.Kind.Outage() {
		_, n = c.place(f.ref).answered(f.ref, wall())
	} else {
		n = c.place(f.ref).outage(f, e, wall())
	}
	close(f.done)
	c.mu.Unlock()
	c.log(n)
	c.calls.Done()
}
