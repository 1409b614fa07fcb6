// Package scale computes what cannot be measured on one machine: how long a storm
// of cold starts takes against the quotas of AWS Secrets Manager, and what a month
// of calls costs.
//
// A storm is simulated call by call, with a seed: the same seed gives the same
// storm. The quotas are 10,000 GetSecretValue and 100 BatchGetSecretValue a second
// (AWS Secrets Manager endpoints and quotas), each modelled as a token bucket that
// holds a second's worth. A function's environments grow by at most 1,000 in ten
// seconds (AWS Lambda developer guide, "Lambda function scaling"), modelled as 1,000
// at once and 100 a second from then on. What is not modelled: other callers, KMS,
// the network's own losses.
package scale

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	singleQuota = 10_000 // calls a second
	batchQuota  = 100
	batchSize   = 20

	growth      = 1_000 // environments of a function at once
	growthAfter = 100   // and a second from then on

	latency     = 20 * time.Millisecond // of a call, refused or not
	handshake   = 40 * time.Millisecond // before an environment's first: TCP and TLS, a round trip each
	startUp     = 4 * time.Millisecond  // of the extension, before it
	betweenRead = 100 * time.Millisecond
)

// Scenario is a number of functions that all begin to grow at once, until there
// are so many environments in all, each of which prefetches so many secrets.
type Scenario struct {
	Functions, Environments, Secrets int
	Seed                             uint64
}

// arrivals are when the environments start.
func (s Scenario) arrivals() []time.Duration {
	each := s.Environments / s.Functions
	var all []time.Duration
	for range s.Functions {
		for i := range each {
			at := time.Duration(max(0, i-growth+1)) * time.Second / growthAfter
			all = append(all, at)
		}
	}
	slices.Sort(all)
	return all
}

// Bound is what the quotas allow: no policy can have all environments ready
// earlier. It is reached by one that knows of all others, splits the secrets
// between the two operations, and leaves no call unused.
func (s Scenario) Bound() time.Duration {
	arrivals := s.arrivals()
	rate := float64(singleQuota + batchQuota*min(s.Secrets, batchSize))
	bound := time.Duration(0)
	for i, at := range arrivals {
		if i > 0 && arrivals[i-1] == at {
			continue
		}
		wanted := float64((len(arrivals) - i) * s.Secrets)
		left := max(0, wanted-rate) / rate // a second's worth is there at once
		bound = max(bound, at+time.Duration(left*float64(time.Second)))
	}
	return bound + startUp + handshake + latency
}

// Outcome is how a storm went.
type Outcome struct {
	Half, NinetyNine, All time.Duration // until so many environments had their secrets
	Calls, Throttled      int
}

// Run has the environments of s follow p.
func Run(s Scenario, p Policy) Outcome {
	m := &storm{
		policy: p, random: rand.New(rand.NewPCG(s.Seed, 1)),
		singles: bucket{rate: singleQuota, tokens: singleQuota}, batches: bucket{rate: batchQuota, tokens: batchQuota},
	}
	arrivals := s.arrivals()
	m.environments = make([]environment, len(arrivals))
	for i, at := range arrivals {
		m.environments[i] = environment{missing: s.Secrets}
		m.at(at+startUp+handshake, func(m *storm) { m.fetch(&m.environments[i]) })
	}
	for len(m.events) > 0 {
		e := heap.Pop(&m.events).(event)
		m.now = e.at
		e.do(m)
	}
	slices.Sort(m.ready)
	quantile := func(q float64) time.Duration { return m.ready[int(q*float64(len(m.ready)-1))] }
	return Outcome{quantile(.5), quantile(.99), quantile(1), m.calls, m.throttled}
}

// storm is the state of a run.
type storm struct {
	policy           Policy
	random           *rand.Rand
	now              time.Duration
	events           events
	order            int
	singles, batches bucket
	environments     []environment
	ready            []time.Duration
	calls, throttled int
}

// call makes one and does then, a round trip later, with whether it was let pass.
func (m *storm) call(b *bucket, then func(m *storm, passed bool)) {
	passed := b.take(m.now)
	m.calls++
	if !passed {
		m.throttled++
	}
	m.at(m.now+latency, func(m *storm) { then(m, passed) })
}

// jitter is a random time of up to limit.
func (m *storm) jitter(limit time.Duration) time.Duration {
	return time.Duration(m.random.Float64() * float64(limit))
}

func (m *storm) at(when time.Duration, do func(*storm)) {
	m.order++
	heap.Push(&m.events, event{when, m.order, do})
}

// event is what happens at a time; of two at one time the earlier made is first.
type event struct {
	at    time.Duration
	order int
	do    func(*storm)
}

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}

func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// bucket is a quota.
type bucket struct {
	rate, tokens float64
	at           time.Duration
}

func (b *bucket) take(now time.Duration) bool {
	b.tokens = min(b.rate, b.tokens+b.rate*(now-b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
