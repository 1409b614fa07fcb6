package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Config says what a [Cache] holds and for how long. Zero bounds mean none;
// zero durations mean not at all.
type Config struct {
	Sources map[string]Source // by scheme: no other backend can be reached
	Secrets []Spec            // configured: prefetched, and never evicted
	Listed  bool              // refuse every secret that is not in Secrets

	MaxStale    time.Duration // how long past its TTL a value may stand in during an outage
	RefreshWait time.Duration // how long a read waits for a refresh while a value is held

	Entries int   // secrets held at most
	Bytes   int64 // bytes of values held at most

	Log *slog.Logger // nil: nothing is logged
}

// Mode says whether a read may be answered from memory.
type Mode int

const (
	Cached Mode = iota // from memory while fresh, stale during an outage
	Fresh              // from the backend, or not at all
)

// Reading is a secret as one read got it.
type Reading struct {
	Secret *Secret
	Age    time.Duration // since the backend was asked for it
	Stale  bool          // past its TTL, and the backend has not answered since
}

// Cache holds secrets and fetches what it does not hold. All methods may be
// called at any time from any goroutine. [New] starts nothing; [Cache.Close]
// ends what the other methods started.
type Cache struct {
	config     Config
	stores     map[string]*store
	configured map[Reference]bool

	ctx    context.Context // ends at Close; every backend call lives in it
	cancel context.CancelFunc
	calls  sync.WaitGroup

	mu         sync.Mutex // guards all below
	entries    map[*entry]bool
	index      map[Reference]*entry
	flights    map[Reference]*flight
	failed     map[Reference]failure
	prefetched chan struct{} // closed when prefetch ends; nil before it begins
	closed     bool
	generation int // Drop begins a new one: flights of an old one are not kept
	bytes      int64
	counts     Counts
	limits     limits
}

// New returns an empty cache.
func New(config Config) *Cache {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c := &Cache{
		config:     config,
		stores:     make(map[string]*store, len(config.Sources)),
		configured: make(map[Reference]bool, len(config.Secrets)),
		entries:    map[*entry]bool{},
		index:      map[Reference]*entry{},
		flights:    map[Reference]*flight{},
		failed:     map[Reference]failure{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for scheme, source := range config.Sources {
		c.stores[scheme] = newStore(source)
	}
	for _, spec := range config.Secrets {
		c.configured[spec.Reference] = true
	}
	return c
}

// Close cancels the backend calls under way and waits for them. Reads that wait
// for one fail.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.calls.Wait()
}

// Drop forgets every value and every failure: whatever is read next is fetched.
// What a call already under way brings goes to those who wait for it and is not
// kept.
func (c *Cache) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
	clear(c.index)
	clear(c.flights)
	clear(c.failed)
	c.bytes = 0
	c.generation++
}

// Get returns the secret that ref names. A held and fresh one is returned at
// once; otherwise Get waits for the backend, for as long as ctx allows. Callers
// that ask for the same reference at once share one backend call, which none of
// them can cancel. The error wraps or is an [Error], or is that of ctx.
func (c *Cache) Get(ctx context.Context, ref Reference, mode Mode) (Reading, error) {
	if err := c.admit(ctx, ref); err != nil {
		return Reading{}, err
	}
	for first := true; ; first = false {
		c.mu.Lock()
		now := wall()
		if mode == Cached {
			if reading, err, ok := c.recall(ref, now); ok {
				ahead := c.refreshAhead(ref, now)
				c.mu.Unlock()
				c.launch(c.ctx, ahead)
				return reading, err
			}
		}
		held := c.index[ref]
		if mode != Cached || held != nil && !c.usable(held, now) {
			held = nil
		}
		f := c.flights[ref]
		if f == nil && held != nil && first {
			f = c.flights[held.asked] // the refresh of the same secret under another name
		}
		var begun []*flight
		if f == nil {
			if held == nil { // refreshing what is held is bounded by its TTL and its back-off
				if err := c.limit(ref, mode, now); err != nil {
					c.mu.Unlock()
					return Reading{}, err
				}
			}
			f = c.begin(ref, now)
			begun = []*flight{f}
		}
		c.mu.Unlock()
		c.launch(c.ctx, begun)

		if waited, err := c.wait(ctx, f, held != nil); err != nil {
			return Reading{}, err
		} else if !waited {
			return c.stale(ref, held)
		}
		if f.ref == ref {
			return c.conclude(f, mode)
		}
	}
}

// Serves reports whether the cache has a backend of that scheme.
func (c *Cache) Serves(scheme string) bool { return c.stores[scheme] != nil }

// admit refuses references that this agent does not serve at all.
func (c *Cache) admit(ctx context.Context, ref Reference) error {
	store := c.stores[ref.Scheme]
	if store == nil {
		return &Error{
			Kind: Denied, Status: 403, Code: "BackendNotConfigured",
			Message: fmt.Sprintf("secret %q: this agent has no backend %q", ref, ref.Scheme),
			Hint:    "a request can only reach the default backend and those that LARDER_SECRETS names",
		}
	}
	if !c.config.Listed || store.Unlisted || c.configured[ref] {
		return nil
	}
	c.mu.Lock()
	prefetched := c.prefetched
	c.mu.Unlock()
	if prefetched != nil { // which names a configured secret also has is known only then
		select {
		case <-prefetched:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.index[ref]; e != nil && e.configured {
		return nil
	}
	return &Error{
		Kind: Denied, Status: 403, Code: "SecretNotListed",
		Message: fmt.Sprintf("secret %q is not configured", ref),
		Hint:    "add it to LARDER_SECRETS, or set LARDER_ALLOW=any",
	}
}

// recall answers from memory: a fresh value, a failure that is still
// remembered, or while the backend is known to be down a stale value, and once
// that is too old the outage. c.mu is held.
func (c *Cache) recall(ref Reference, now time.Time) (Reading, error, bool) {
	e := c.index[ref]
	switch {
	case e != nil && c.fresh(e, now):
		c.counts.Hits++
		return e.read(now, false), nil, true
	case e != nil && c.usable(e, now) && now.Before(e.retryAt):
		c.counts.Stale++
		return e.read(now, true), nil, true
	case e != nil && c.ttl(e) > 0 && now.Before(e.retryAt):
		c.counts.Failures++
		return Reading{}, e.outage, true
	}
	if f, ok := c.failed[ref]; ok && now.Before(f.until) && (e == nil || !c.usable(e, now)) {
		c.counts.Failures++
		return Reading{}, f.err, true
	}
	return Reading{}, nil, false
}

// wait waits for f. Where a value is held it gives up after RefreshWait and
// reports that it did not wait to the end.
func (c *Cache) wait(ctx context.Context, f *flight, held bool) (bool, error) {
	var patience <-chan time.Time
	if held {
		timer := time.NewTimer(c.config.RefreshWait)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case <-f.done:
		return true, nil
	case <-patience:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// stale reads held, whose refresh is still under way.
func (c *Cache) stale(ref Reference, held *entry) (Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.index[ref]; e != nil {
		held = e // the refresh may have ended a moment ago
	}
	now := wall()
	reading := held.read(now, !c.fresh(held, now))
	if reading.Stale {
		c.counts.Stale++
	}
	return reading, nil
}

// conclude turns what the flight brought into what its reader gets.
func (c *Cache) conclude(f *flight, mode Mode) (Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := wall()
	if f.result.Err == nil {
		c.counts.Misses++
		if e := c.index[f.ref]; e != nil {
			e.lastRead = now
		}
		return Reading{Secret: f.result.Secret, Age: now.Sub(f.began)}, nil
	}
	failure := AsError(f.result.Err)
	if e := c.index[f.ref]; mode == Cached && e != nil && failure.Kind.Outage() && c.usable(e, now) {
		c.counts.Stale++
		return e.read(now, true), nil
	}
	c.counts.Failures++
	return Reading{}, f.result.Err
}

// wall is the time on the clock on the wall. The monotonic clock stands still
// while a Lambda environment is frozen, and a TTL measured with it would
// outlast the value.
func wall() time.Time { return time.Now().Round(0) }
