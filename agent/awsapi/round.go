package awsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/aws/smithy-go"
)

// maxRow is after how many failed calls in a row, each with its retries, a round
// makes no more of them: a service that is down is not asked for each of a
// thousand secrets.
const maxRow = 8

// Calls bounds how many calls a backend makes at once.
type Calls struct {
	slots chan struct{} // each call takes one, so that none waits for a connection with its clock running
	log   *slog.Logger
}

// NewCalls returns a bound of most calls.
func NewCalls(most int, log *slog.Logger) *Calls {
	return &Calls{slots: make(chan struct{}, most), log: log}
}

// Round begins the calls of one Fetch.
func (c *Calls) Round() *Round { return &Round{calls: c, failed: map[any]int{}, last: map[any]error{}} }

// Round is the calls of one Fetch, side by side.
type Round struct {
	calls *Calls
	all   sync.WaitGroup

	mu     sync.Mutex // guards all below
	failed map[any]int
	last   map[any]error
}

// Go makes the call when its turn comes. Where it does not, since ctx has ended
// or the calls at the same place failed one after the other, refused is told why.
// A call that panics ends alone.
func (r *Round) Go(ctx context.Context, place any, call func() error, refused func(error)) {
	r.all.Go(func() {
		defer r.survive()
		select {
		case r.calls.slots <- struct{}{}:
			defer func() { <-r.calls.slots }()
		case <-ctx.Done():
			refused(ctx.Err())
			return
		}
		if err := r.over(place); err != nil {
			refused(err)
			return
		}
		r.ended(place, call())
	})
}

// Wait returns when all calls have ended, and those that they have begun.
func (r *Round) Wait() { r.all.Wait() }

// survive keeps a panic to the call that it is in. What was panicked with may
// hold a value.
func (r *Round) survive() {
	if panicked := recover(); panicked != nil {
		r.calls.log.Error("a call panicked", "panic_type", fmt.Sprintf("%T", panicked))
	}
}

func (r *Round) ended(place any, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !down(err) {
		r.failed[place] = 0
		return
	}
	r.failed[place]++
	r.last[place] = err
}

// over returns why there is no sense in another call; nil: there is.
func (r *Round) over(place any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed[place] < maxRow {
		return nil
	}
	return r.last[place]
}

// down reports whether err says that the service is, or that it is asked too
// often, and not that something is wrong with one secret's key.
func down(err error) bool {
	if err == nil {
		return false
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "KMSInternalException" {
		return false
	}
	return Error(err, "", "").Kind.Outage()
}
