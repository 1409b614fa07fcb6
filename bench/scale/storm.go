// Package scale computes what cannot be measured on one machine: how long a storm
// of cold starts takes against the quotas of AWS Secrets Manager, and what a month
// of calls costs.
//
//	o := scale.Run(scale.Scenario{Functions: 10, Environments: 10_000, Secrets: 10, Seed: 1}, scale.Larder)
//	fmt.Println(o.All, o.Bound, o.Throttled)
//
// A storm is simulated call by call, with a seed: the same seed gives the same
// storm. The quotas are 10,000 GetSecretValue and 100 BatchGetSecretValue a second
// (AWS Secrets Manager endpoints and quotas), each modelled as a token bucket that
// holds a second's worth; a call that finds it empty is throttled, which costs a
// round trip and nothing of the quota. A function's environments grow by at most
// 1,000 in ten seconds (AWS Lambda developer guide, "Lambda function scaling"),
// modelled as 1,000 at once and 100 a second from then on.
//
// What is not modelled: other callers in the account, KMS and its quotas, faults
// of the service or the network, the refreshes of a storm that outlasts a TTL, the
// ten seconds of one Fetch, and requests that are given up at a function's timeout.
// A request reads all secrets one after the other, whatever becomes of each.
package scale

import (
	"math"
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

	roundTrip = 20 * time.Millisecond // at least
	handshake = 2 * roundTrip         // of TCP and TLS, before a connection's first call
	startUp   = 4 * time.Millisecond  // of the extension, before it
	soonest   = startUp + handshake + roundTrip

	// What a round trip takes beyond the least: log-normal.
	jitterMedian = 300 * time.Microsecond
	jitterSigma  = .5
)

// Outcome is how a storm went. All times count from its beginning.
type Outcome struct {
	Half, NinetyNine, All time.Duration      // until so many environments had their secrets
	Bound                 time.Duration      // what the quotas allow
	Ready                 [101]time.Duration // by percent of the environments
	Calls, Throttled      int
}

// Over is how many times the bound the last environment took.
func (o Outcome) Over() float64 { return o.All.Seconds() / o.Bound.Seconds() }

// Run has the environments of s follow p.
func Run(s Scenario, p Policy) Outcome {
	m := newStorm(s, p)
	m.run(s.arrivals())
	return m.outcome(s)
}

// storm is the state of a run.
type storm struct {
	policy           Policy
	random           *rand.Rand
	wheel            *wheel
	now              time.Duration
	secrets          int
	singles, batches bucket
	ready            []time.Duration
	calls, throttled int

	spareCalls []*call
	spareEnvs  []*environment
	admitted   func(*call) // for tests
}

func newStorm(s Scenario, p Policy) *storm {
	m := &storm{
		policy: p, random: rand.New(rand.NewPCG(s.Seed, 1)), wheel: newWheel(), secrets: s.Secrets,
		ready: make([]time.Duration, 0, s.Environments),
	}
	if !s.Unlimited {
		m.singles, m.batches = newBucket(singleQuota), newBucket(batchQuota)
	}
	return m
}

func (m *storm) run(arrivals []time.Duration) {
	for all := len(arrivals); len(m.ready) < all; {
		m.now = m.wheel.time()
		for len(arrivals) > 0 && arrivals[0] <= m.now {
			arrivals = arrivals[1:]
			m.wakeAt(m.newEnvironment(), m.now+startUp)
		}
		for i := 0; i < len(m.wheel.step()); i++ {
			switch e := m.wheel.step()[i]; {
			case e.call != nil:
				m.goOn(e.call)
			default:
				m.wake(e.env)
			}
		}
		m.wheel.done()
	}
}

func (m *storm) outcome(s Scenario) Outcome {
	slices.Sort(m.ready)
	o := Outcome{Bound: s.Bound(), Calls: m.calls, Throttled: m.throttled}
	for i := range o.Ready {
		o.Ready[i] = m.ready[i*(len(m.ready)-1)/100]
	}
	o.Half, o.NinetyNine, o.All = o.Ready[50], o.Ready[99], o.Ready[100]
	return o
}

// jitter is a random time of up to limit.
func (m *storm) jitter(limit time.Duration) time.Duration {
	return time.Duration(m.random.Float64() * float64(limit))
}

// trip is what a round trip takes.
func (m *storm) trip() time.Duration {
	return roundTrip + time.Duration(float64(jitterMedian)*math.Exp(jitterSigma*m.random.NormFloat64()))
}
