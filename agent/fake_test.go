package agent_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// latency is what one call to the fake store takes.
const latency = 10 * time.Millisecond

// fake is a store whose answers a test sets. It is its own backend and honours
// the contract: one answer for each reference, an error once ctx has ended.
type fake struct {
	mu      sync.Mutex // guards all below
	answers map[agent.Reference]agent.Result
	latency time.Duration
	early   bool // answers are as of the begin of a call, not its end
	calls   [][]agent.Reference
}

func newFake() *fake {
	return &fake{answers: map[agent.Reference]agent.Result{}, latency: latency}
}

// put makes the store answer id with value, as a secret with an ARN would be.
func (f *fake) put(id, value string) *agent.Secret {
	s := &agent.Secret{
		Name: id, ARN: "arn-of-" + id, Version: "version-1", Stages: []string{"AWSCURRENT"},
		Value:   agent.NewValue([]byte(value)),
		Aliases: []agent.Reference{ref("arn-of-" + id), ref(id)},
	}
	f.answer(id, agent.Result{Secret: s})
	f.answer("arn-of-"+id, agent.Result{Secret: s})
	return s
}

func (f *fake) answer(id string, r agent.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[ref(id)] = r
}

func (f *fake) fail(id string, kind agent.Kind) {
	f.answer(id, agent.Result{Err: &agent.Error{Kind: kind, Status: 400, Code: "Fake", Message: "the fake store fails for " + id}})
}

func (f *fake) slow(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latency = d
}

// asked returns how often the store was asked for id.
func (f *fake) asked(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, refs := range f.calls {
		if slices.Contains(refs, ref(id)) {
			n++
		}
	}
	return n
}

// fetches returns how often Fetch was called.
func (f *fake) fetches() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func (f *fake) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	f.mu.Lock()
	f.calls = append(f.calls, slices.Clone(refs))
	wait := f.latency
	answers := f.answers
	if f.early {
		answers = maps.Clone(answers)
	}
	f.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	for i, ref := range refs {
		f.mu.Lock()
		r, ok := answers[ref]
		f.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			r = agent.Result{Err: &agent.Error{Kind: agent.Unavailable, Status: 504, Code: "TimeoutError", Message: "cut off: " + ctx.Err().Error()}}
		case !ok:
			r = agent.Result{Err: &agent.Error{Kind: agent.NotFound, Status: 404, Code: "ResourceNotFoundException", Message: "no secret " + ref.ID}}
		case r.Secret != nil && len(r.Secret.Aliases) > 0 && !slices.Contains(r.Secret.Aliases, ref):
			s := *r.Secret
			s.Aliases = append(slices.Clone(s.Aliases), ref)
			r.Secret = &s
		}
		deliver(i, r)
	}
}

// source serves f with a TTL.
func (f *fake) source(ttl time.Duration) agent.Source {
	return agent.Source{Open: func(context.Context) (agent.Backend, error) { return f, nil }, TTL: ttl}
}

// fetchFunc is a backend of one function.
type fetchFunc func(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result))

func (f fetchFunc) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	f(ctx, refs, deliver)
}

func (f fetchFunc) source() agent.Source {
	return agent.Source{Open: func(context.Context) (agent.Backend, error) { return f, nil }, TTL: time.Minute}
}

func ref(id string) agent.Reference { return agent.Reference{Scheme: "fake", ID: id} }

func sources(s agent.Source) map[string]agent.Source { return map[string]agent.Source{"fake": s} }

func specs(ids ...string) []agent.Spec {
	var all []agent.Spec
	for _, id := range ids {
		all = append(all, agent.Spec{Reference: ref(id)})
	}
	return all
}

// open returns a cache that ends with the test.
func open(t *testing.T, config agent.Config) *agent.Cache {
	t.Helper()
	c := agent.New(config)
	t.Cleanup(c.Close)
	return c
}

// want reads id and fails the test unless it is value and stale as expected.
func want(t *testing.T, c *agent.Cache, id, value string, stale bool) agent.Reading {
	t.Helper()
	reading, err := c.Get(t.Context(), ref(id), agent.Cached)
	if err != nil {
		t.Fatalf("Get(%s): %v", id, err)
	}
	if got := string(reading.Secret.Value.Reveal()); got != value || reading.Stale != stale {
		t.Fatalf("Get(%s) = %q, stale %v; want %q, %v", id, got, reading.Stale, value, stale)
	}
	return reading
}

// wantKind reads ref and fails the test unless it fails as expected.
func wantKind(t *testing.T, c *agent.Cache, r agent.Reference, mode agent.Mode, kind agent.Kind) *agent.Error {
	t.Helper()
	reading, err := c.Get(t.Context(), r, mode)
	if err == nil {
		t.Fatalf("Get(%s) = a secret of %d bytes, want %v", r, reading.Secret.Value.Len(), kind)
	}
	e := agent.AsError(err)
	if e.Kind != kind {
		t.Fatalf("Get(%s): %v (%v), want %v", r, err, e.Kind, kind)
	}
	return e
}
