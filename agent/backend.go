package agent

import (
	"context"
	"time"
)

// Backend is where secrets live. One that is an [io.Closer] too is closed when it
// is no longer used, while its last calls may still be under way.
type Backend interface {
	// Fetch asks the store for refs, all of this backend's scheme, and calls
	// deliver once for each index of refs as its answer arrives, in any order
	// and from any goroutine, but never after Fetch has returned. It splits the
	// work into as many calls as suits the store and honours ctx: when that
	// ends, what is missing is delivered as an error. A query parameter that it
	// does not know is an Invalid error for that reference alone.
	Fetch(ctx context.Context, refs []Reference, deliver func(i int, r Result))
}

// Identifier is a [Backend] that knows as whom it asks: a word that changes with
// its credentials and is none of them, empty before its first call. A process
// restored from a snapshot has others than before.
type Identifier interface{ Identity() string }

// Result is a backend's answer to one reference: a secret, or an error that
// wraps or is an [Error].
type Result struct {
	Secret *Secret
	Err    error
}

// Source is a backend and how to treat what comes from it.
type Source struct {
	// Open makes the backend ready. It is called once, on first use, and again
	// only where it failed.
	Open func(context.Context) (Backend, error)

	// TTL is how long an answer is fresh. 0: every read asks the backend, which
	// suits one that is as near as the cache.
	TTL time.Duration

	// Timeout bounds one Fetch; 0 means 30 s.
	Timeout time.Duration

	// Place names what a reference depends on, such as a region: references of
	// one place are up or down together. It makes no call. nil: all of them are.
	Place func(Reference) string

	// Unlisted marks a store that holds only what was put there for this
	// agent, such as the user's own file: every name in it may be asked for,
	// even where others must be configured.
	Unlisted bool
}
