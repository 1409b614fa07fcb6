package agenttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// planted is in every value that the suite stores, for errors and prints to be
// searched for it.
const planted = "hunter2-PLANTED"

// patience is how long a Fetch that should be over in milliseconds may take
// before it counts as hanging.
const patience = 30 * time.Second

// suite is one run of the conformance tests.
type suite struct {
	Harness
	backend agent.Backend
	late    atomic.Int64 // deliveries after Fetch has returned
}

func (s *suite) ref(name string) agent.Reference {
	return agent.Reference{Scheme: s.Scheme, ID: "larder-" + name}
}

// put stores value under name, and returns the reference to it.
func (s *suite) put(t *testing.T, name, value string) agent.Reference {
	t.Helper()
	s.Put(t, s.ref(name).ID, value)
	return s.ref(name)
}

// fetch asks for refs and holds the backend to what is the same for all calls.
// each, where it is not nil, is called at every delivery. It can be called from
// any goroutine.
func (s *suite) fetch(ctx context.Context, t *testing.T, refs []agent.Reference, each func()) []agent.Result {
	t.Helper()
	var mu sync.Mutex // guards the three below
	results := make([]agent.Result, len(refs))
	delivered := make([]int, len(refs))
	returned := false

	done := make(chan struct{})
	go func() {
		defer close(done)
		s.backend.Fetch(ctx, refs, func(i int, r agent.Result) {
			if each != nil {
				each()
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case returned:
				s.late.Add(1)
			case i < 0 || i >= len(refs):
				t.Errorf("Fetch delivered index %d of %d references", i, len(refs))
			default:
				results[i] = r
				delivered[i]++
			}
		})
		mu.Lock()
		returned = true
		mu.Unlock()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Errorf("Fetch of %d references hangs", len(refs))
		return make([]agent.Result, len(refs))
	}
	for i, ref := range refs {
		if delivered[i] != 1 {
			t.Errorf("%s (index %d of %d) was delivered %d times, want once", ref, i, len(refs), delivered[i])
		}
		s.sane(t, ref, results[i])
	}
	return results
}

// sane fails t unless r can be an answer to ref at all.
func (s *suite) sane(t *testing.T, ref agent.Reference, r agent.Result) {
	t.Helper()
	for _, verb := range []string{"%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(verb, r), planted) || r.Secret != nil && strings.Contains(fmt.Sprintf(verb, *r.Secret), planted) {
			t.Errorf("%s: %s of the result shows the value", ref, verb)
		}
	}
	switch {
	case r.Err == nil && r.Secret == nil:
		t.Errorf("%s: neither a secret nor an error", ref)
	case r.Err != nil && r.Secret != nil:
		t.Errorf("%s: a secret and an error: %v", ref, r.Err)
	case r.Err != nil:
		s.saneError(t, ref, r.Err)
	default:
		if r.Secret.Name == "" || r.Secret.Version == "" || len(r.Secret.Aliases) == 0 {
			t.Errorf("%s: the secret lacks a name, a version or an alias: %+v", ref, r.Secret)
		}
	}
}

func (s *suite) saneError(t *testing.T, ref agent.Reference, err error) {
	t.Helper()
	if strings.Contains(err.Error(), planted) {
		t.Errorf("%s: the error quotes a value", ref)
	}
	var e *agent.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: the error is no *agent.Error: %v", ref, err)
		return
	}
	if !strings.Contains(e.Message, ref.ID) {
		t.Errorf("the error does not name the secret %q: %v", ref.ID, err)
	}
	if e.Status < 400 || e.Status > 599 || e.Code == "" {
		t.Errorf("%s: the error has status %d and code %q", ref, e.Status, e.Code)
	}
}

// one asks for one reference.
func (s *suite) one(t *testing.T, ref agent.Reference) agent.Result {
	t.Helper()
	return s.fetch(t.Context(), t, []agent.Reference{ref}, nil)[0]
}

// want asks for one reference and fails t unless it is value.
func (s *suite) want(t *testing.T, ref agent.Reference, value string) *agent.Secret {
	t.Helper()
	r := s.one(t, ref)
	wantValue(t, ref, r, value)
	if r.Secret == nil {
		t.FailNow()
	}
	return r.Secret
}

func wantValue(t *testing.T, ref agent.Reference, r agent.Result, value string) {
	t.Helper()
	switch {
	case r.Err != nil:
		t.Errorf("%s: %v", ref, r.Err)
	case r.Secret != nil && string(r.Secret.Value.Reveal()) != value:
		t.Errorf("%s: %d bytes that are not the value of %d bytes that was stored", ref, r.Secret.Value.Len(), len(value))
	}
}

func wantKind(t *testing.T, ref agent.Reference, r agent.Result, kinds ...agent.Kind) {
	t.Helper()
	if r.Err == nil {
		t.Errorf("%s: no error, want %v", ref, kinds)
		return
	}
	for _, kind := range kinds {
		if agent.AsError(r.Err).Kind == kind {
			return
		}
	}
	t.Errorf("%s: %v (%v), want %v", ref, r.Err, agent.AsError(r.Err).Kind, kinds)
}
