package agent

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
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

	// Snapshot says that the process may be copied while it runs, until Drop is
	// called first: a jump of the clock and other credentials drop what is held.
	Snapshot bool

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
	calls  sync.WaitGroup // flights that have not landed, and calls that have not ended

	warnTransient sync.Once
	deadline      atomic.Int64 // of reads that wait, in nanoseconds since 1970

	mu          sync.Mutex // guards all below
	entries     map[*entry]bool
	recent      *list.List // of entries; what was read last is in front
	index       map[Reference]*entry
	listed      map[Reference]bool    // configured references and what else names the same
	flights     map[Reference]*flight // that reads wait for
	flying      map[*flight]bool      // all that have not landed
	listings    []*flight             // of patterns
	places      map[placeKey]*place
	failed      map[Reference]failure
	failedBytes int
	prefetched  chan struct{} // closed when prefetch ends; nil before it begins
	closed      bool
	transient   bool // nothing is kept until Drop
	snapshot    snapshot
	generation  int    // forgetting all begins a new one: flights of an old one are not kept
	sequence    uint64 // of flights
	bytes       int64
	counts      Counts
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
		recent:     list.New(),
		index:      map[Reference]*entry{},
		listed:     map[Reference]bool{},
		flights:    map[Reference]*flight{},
		flying:     map[*flight]bool{},
		places:     map[placeKey]*place{},
		failed:     map[Reference]failure{},
		transient:  config.Transient,
	}
	if config.Snapshot {
		c.snapshot = watch(wall())
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for scheme, source := range config.Sources {
		c.stores[scheme] = newStore(source)
	}
	for _, spec := range config.Secrets {
		c.configured[spec.Reference] = true
		c.listed[spec.Reference] = true
	}
	return c
}

// Close cancels the backend calls under way, waits for them and closes the
// backends. Reads that wait for a call fail.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.calls.Wait()
	for _, store := range c.stores {
		store.reset()
	}
}
