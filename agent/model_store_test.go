package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// modelStore is a store in two places with some secrets, and remembers all that
// it ever was and was asked.
type modelStore struct {
	mu      sync.Mutex // guards all below
	random  *rand.Rand
	secrets map[string][]modelState // by name, in the order of time
	faults  map[string]modelFault   // by name or place
	latency time.Duration
	calls   []*modelCall
	strange [][2]*modelCall // made at once though their place is down

	prefetching bool          // which asks for all, whatever is known
	dropped     time.Time     // what was asked before is known no more
	patience    time.Duration // a call that was cut off earlier says nothing
}

// modelState is what a secret is from a time on.
type modelState struct {
	from            time.Time
	born, version   int // born is the number of its incarnation; 0: it was never there
	previous        int // version; 0: none
	deleted, denied bool
}

// modelFault is what goes wrong.
type modelFault int

const (
	faultNone modelFault = iota
	faultOutage
	faultThrottled // for three seconds
	faultHang
	faultSilent // never delivered
	faultOther  // another secret is delivered
	faultPlain  // an error that is no agent.Error
	faultPanic
	faults
)

// modelCall is one reference within one call.
type modelCall struct {
	ref         agent.Reference
	began, over time.Time // over is zero while it lasts
	kind        agent.Kind
	answered    bool // with a secret or with an answer, not with an outage
	failed      bool
	whileDown   bool
}

func newModelStore(random *rand.Rand) *modelStore {
	return &modelStore{random: random, secrets: map[string][]modelState{}, faults: map[string]modelFault{}, latency: latency}
}

// placeOfModel is what stands before the slash of a name or an ARN.
func placeOfModel(ref agent.Reference) string {
	place, _, _ := strings.Cut(strings.TrimPrefix(ref.ID, "arn:"), "/")
	return place
}

// name is the secret's that ref names, and born the incarnation that an ARN
// names.
func (s *modelStore) name(ref agent.Reference) (name string, born int) {
	if arn, ok := strings.CutPrefix(ref.ID, "arn:"); ok {
		at := strings.LastIndexByte(arn, '-')
		fmt.Sscan(arn[at+1:], &born)
		return arn[:at], born
	}
	return ref.ID, 0
}

// now is the state of a secret. s.mu is held.
func (s *modelStore) now(name string) modelState {
	states := s.secrets[name]
	if len(states) == 0 {
		return modelState{}
	}
	return states[len(states)-1]
}

// become changes a secret.
func (s *modelStore) become(name string, change func(*modelState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.now(name)
	change(&state)
	state.from = time.Now()
	s.secrets[name] = append(s.secrets[name], state)
}

// answer is what the state answers to ref: a value, or the kind of a failure.
func (s *modelStore) answer(state modelState, ref agent.Reference) (value string, kind agent.Kind) {
	name, born := s.name(ref)
	version := state.version
	if ref.Query != "" {
		version = state.previous
	}
	switch {
	case state.born == 0 || state.deleted || born != 0 && born != state.born || version == 0:
		return "", agent.NotFound
	case state.denied:
		return "", agent.Denied
	default:
		return fmt.Sprintf("VALUE %s %d %d", name, state.born, version), 0
	}
}

// could report whether the answer to ref was value, or a failure of kind, at any
// time between from and to.
func (s *modelStore) could(ref agent.Reference, from, to time.Time, value string, kind agent.Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := s.name(ref)
	states := append([]modelState{{}}, s.secrets[name]...)
	for i, state := range states {
		if state.from.After(to) || i+1 < len(states) && states[i+1].from.Before(from) {
			continue
		}
		if v, k := s.answer(state, ref); v == value && k == kind {
			return true
		}
	}
	return false
}

// Fetch implements [agent.Backend], with all the faults that there are.
func (s *modelStore) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	s.mu.Lock()
	wait, early := s.latency, s.random.IntN(2) == 0
	calls := make([]*modelCall, len(refs))
	results := make([]func() agent.Result, len(refs))
	hang, panics := false, false
	for i, ref := range refs {
		calls[i] = s.begin(ref)
		name, _ := s.name(ref)
		fault := max(s.faults[name], s.faults[placeOfModel(ref)])
		hang = hang || fault == faultHang
		panics = panics || fault == faultPanic
		results[i] = s.result(ref, fault, early)
	}
	s.mu.Unlock()
	if hang {
		wait = time.Hour
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	answers := make([]agent.Result, len(refs))
	for i, call := range calls {
		answers[i] = results[i]()
		if ctx.Err() != nil || panics {
			answers[i] = agent.Result{Err: &agent.Error{Kind: agent.Unavailable, Status: 504, Message: "cut off"}}
		}
		s.end(call, answers[i], ctx.Err() != nil)
	}
	s.mu.Unlock()
	if panics {
		panic("VALUE of a panic")
	}
	for i, r := range answers {
		if r.Err == nil && r.Secret == nil {
			continue
		}
		deliver(i, r)
		deliver(i, agent.Result{Err: fmt.Errorf("the second delivery for %s", refs[i])})
	}
}

// drop says that the cache forgets all, a moment before it does.
func (s *modelStore) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = time.Now().Add(1)
	for _, c := range s.calls {
		c.whileDown = false
	}
}

func (s *modelStore) prefetch(begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prefetching = begins
}

// begin notes a call and whether the cache should have made it. s.mu is held.
func (s *modelStore) begin(ref agent.Reference) *modelCall {
	c := &modelCall{ref: ref, began: time.Now()}
	if c.whileDown = !s.prefetching && !s.tie() && s.down(placeOfModel(ref)); c.whileDown {
		for _, other := range s.calls {
			if other.over.IsZero() && other.whileDown && placeOfModel(other.ref) == placeOfModel(ref) {
				s.strange = append(s.strange, [2]*modelCall{other, c})
			}
		}
	}
	s.calls = append(s.calls, c)
	return c
}

// tie reports whether a call ended at this very instant, or all was dropped,
// and nobody can tell which came first. s.mu is held.
func (s *modelStore) tie() bool {
	now := time.Now()
	return !s.dropped.Before(now) || slices.ContainsFunc(s.calls, func(c *modelCall) bool { return c.over.Equal(now) })
}

// down reports whether the last calls for two secrets of the place ended in an
// outage, the later less than half a minute ago. s.mu is held.
func (s *modelStore) down(place string) bool {
	var answered, failed time.Time // last
	for _, c := range s.calls {
		if c.answered && c.over.After(answered) && placeOfModel(c.ref) == place {
			answered = c.over
		}
	}
	unanswered := map[agent.Reference]bool{}
	for _, c := range s.calls {
		if c.failed && c.over.After(answered) && c.over.Before(time.Now()) && !c.began.Before(s.dropped) && placeOfModel(c.ref) == place {
			unanswered[c.ref] = true
			failed = later(failed, c.over)
		}
	}
	return len(unanswered) > 1 && time.Since(failed) < 30*time.Second
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// result prepares what ref is answered, as of now or as of when the answer is
// made. s.mu is held then.
func (s *modelStore) result(ref agent.Reference, fault modelFault, early bool) func() agent.Result {
	name, _ := s.name(ref)
	state := s.now(name)
	return func() agent.Result {
		if !early {
			state = s.now(name)
		}
		value, kind := s.answer(state, ref)
		switch {
		case fault == faultOutage:
			return agent.Result{Err: &agent.Error{Kind: agent.Unavailable, Status: 503, Message: "down"}}
		case fault == faultThrottled:
			return agent.Result{Err: &agent.Error{Kind: agent.Throttled, Status: 400, Message: "throttled", RetryAfter: 3 * time.Second}}
		case fault == faultSilent:
			return agent.Result{}
		case fault == faultPlain:
			return agent.Result{Err: fmt.Errorf("something plain")}
		case fault == faultOther:
			other := ref
			other.ID = "west/another"
			return agent.Result{Secret: &agent.Secret{Name: "another", Value: agent.NewValue([]byte("VALUE of another")), Aliases: []agent.Reference{other}}}
		case kind != 0:
			return agent.Result{Err: &agent.Error{Kind: kind, Status: 400, Message: fmt.Sprintf("secret %q: %s", ref, kind)}}
		}
		arn := ref
		arn.ID = fmt.Sprintf("arn:%s-%d", name, state.born)
		byName := ref
		byName.ID = name
		return agent.Result{Secret: &agent.Secret{
			Name: name, ARN: arn.ID, Version: strings.TrimPrefix(value, "VALUE "), Value: agent.NewValue([]byte(value)), Aliases: []agent.Reference{arn, byName},
		}}
	}
}

// end notes how the call ended. s.mu is held.
func (s *modelStore) end(c *modelCall, r agent.Result, cut bool) {
	c.over = time.Now()
	e := agent.AsError(r.Err)
	switch {
	case cut && c.over.Sub(c.began) < s.patience:
	case r.Secret != nil && !slices.Contains(r.Secret.Aliases, c.ref), e == nil && r.Secret == nil:
		c.failed = true
	case e != nil && e.Kind.Outage():
		c.failed, c.kind = true, e.Kind
	case e != nil:
		c.answered, c.kind = true, e.Kind
	default:
		c.answered = true
	}
	for _, other := range s.calls {
		if c.answered && placeOfModel(other.ref) == placeOfModel(c.ref) {
			other.whileDown = false
		}
	}
}

// underway reports whether a call has not ended.
func (s *modelStore) underway() bool {
	return s.any(func(c *modelCall) bool { return c.over.IsZero() || c.over.Equal(time.Now()) })
}

// made counts the calls.
func (s *modelStore) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// any reports whether there is a call that matches.
func (s *modelStore) any(match func(*modelCall) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.calls, match)
}
