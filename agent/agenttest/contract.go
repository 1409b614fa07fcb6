package agenttest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/larder-secrets/larder/agent"
)

// many is more than any store takes in one call.
const many = 45

// putMany stores that many secrets and returns their references; valueOf is the
// value of each.
func (s *suite) putMany(t *testing.T) []agent.Reference {
	t.Helper()
	refs := make([]agent.Reference, many)
	for i := range refs {
		refs[i] = s.put(t, fmt.Sprintf("many-%02d-of-them", i), valueOf(i))
	}
	return refs
}

func valueOf(i int) string { return fmt.Sprintf("%s-%d", planted, i) }

// unknownParameter: one reference that makes no sense leaves the others alone.
func (s *suite) unknownParameter(t *testing.T) {
	good := s.put(t, "parameter-good", planted)
	bad := good
	bad.Query = "noSuchParameter=1"
	unreadable := good
	unreadable.Query = "%zz"
	results := s.fetch(t.Context(), t, []agent.Reference{bad, good, unreadable}, nil)
	wantKind(t, bad, results[0], agent.Invalid)
	wantValue(t, good, results[1], planted)
	wantKind(t, unreadable, results[2], agent.Invalid)
}

// manyAtOnce: each index has its own answer, also where several ask the same and
// where some cannot be answered.
func (s *suite) manyAtOnce(t *testing.T) {
	refs := s.putMany(t)
	missing, bad := s.ref("many-not-there"), refs[0]
	bad.Query = "noSuchParameter=1"
	all := append(append([]agent.Reference{missing, bad}, refs...), refs[3], refs[7], refs[3], missing)
	results := s.fetch(t.Context(), t, all, nil)
	wantKind(t, missing, results[0], agent.NotFound)
	wantKind(t, bad, results[1], agent.Invalid)
	for i, ref := range refs {
		wantValue(t, ref, results[2+i], valueOf(i))
	}
	for i, n := range []int{3, 7, 3} {
		wantValue(t, refs[n], results[2+many+i], valueOf(n))
	}
	wantKind(t, missing, results[len(all)-1], agent.NotFound)
}

func (s *suite) nothingAsked(t *testing.T) {
	s.fetch(t.Context(), t, nil, nil)
}

func (s *suite) concurrent(t *testing.T) {
	refs := s.putMany(t)
	missing := s.ref("concurrent-not-there")
	var readers sync.WaitGroup
	for reader := range 8 {
		readers.Go(func() {
			mine := append([]agent.Reference{missing}, refs[reader:]...)
			results := s.fetch(t.Context(), t, mine, nil)
			wantKind(t, missing, results[0], agent.NotFound)
			for i, ref := range mine[1:] {
				wantValue(t, ref, results[1+i], valueOf(reader+i))
			}
		})
	}
	readers.Wait()
}

// cancelledBefore: nothing that could be answered any more is.
func (s *suite) cancelledBefore(t *testing.T) {
	refs := s.putMany(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, r := range s.fetch(ctx, t, refs, nil) {
		wantKind(t, refs[i], r, agent.Unavailable)
	}
}

// cancelledOnTheWay: what has been answered when ctx ends stays answered, the
// rest is an outage, and nothing is left out.
func (s *suite) cancelledOnTheWay(t *testing.T) {
	refs := s.putMany(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i, r := range s.fetch(ctx, t, refs, cancel) {
		if r.Err != nil {
			wantKind(t, refs[i], r, agent.Unavailable)
		} else {
			wantValue(t, refs[i], r, valueOf(i))
		}
	}
}

// noGoroutineLeft: what a Fetch starts ends with it, but for connections that
// wait for the next one.
func (s *suite) noGoroutineLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s.cancelledOnTheWay(t)
	s.manyAtOnce(t)
	if err := goleak.Find(append(connections(), before)...); err != nil {
		t.Error(err)
	}
}

// connections are the goroutines of an idle HTTP connection, at both its ends.
func connections() []goleak.Option {
	var options []goleak.Option
	for _, function := range []string{
		"net/http.(*persistConn).readLoop",
		"net/http.(*persistConn).writeLoop",
		"net/http.(*conn).serve",
		"net/http.(*connReader).backgroundRead",
	} {
		options = append(options, goleak.IgnoreAnyFunction(function))
	}
	return options
}

func (s *suite) noLateDelivery(t *testing.T) {
	if n := s.late.Load(); n > 0 {
		t.Errorf("%d results were delivered after Fetch had returned", n)
	}
}
