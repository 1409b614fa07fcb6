package agent

import (
	"context"
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

	// Transient keeps nothing that a backend answers until Drop is called first:
	// what is in memory now may be copied into a snapshot.
	Transient bool

	Log *slog.Logger // nil: nothing is logged
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

	warnTransient sync.Once

	mu         sync.Mutex // guards all below
	entries    map[*entry]bool
	index      map[Reference]*entry
	flights    map[Reference]*flight
	failed     map[Reference]failure
	prefetched chan struct{} // closed when prefetch ends; nil before it begins
	closed     bool
	transient  bool // nothing is kept until Drop
	generation int  // Drop begins a new one: flights of an old one are not kept
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
		transient:  config.Transient,
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
	c.transient = false
	c.generation++
}

// wall is the time on the clock on the wall. The monotonic clock stands still
// while a Lambda environment is frozen, and a TTL measured with it would
// outlast the value.
func wall() time.Time { return time.Now().Round(0) }
