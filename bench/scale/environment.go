package scale

import "time"

// environment is one, with the calls of agent/awsapi.
type environment struct {
	secrets []secret
	missing int

	queue  []*call // for a slot
	busy   int     // slots
	moving bool    // advance is under way
	trips  int     // under way
	opened int     // connections
	tokens int     // for retries

	begun   bool
	wakes   int // to come
	gone    bool
	refused bool // the last single call to end was throttled
	rounds  int  // that have failed, of who has no cache
	cache
}

// The SDK's retries are bounded for each client (aws-sdk-go-v2, aws/retry).
const (
	retryTokens = 500
	retryCost   = 5
	firstPassed = 1
)

type secret struct {
	state    state
	outages  uint8
	prefetch bool          // is waited for by INIT
	until    time.Duration // when its failure is forgotten
	began    time.Duration // its flight
}

type state uint8

const (
	absent state = iota
	flying
	held
)

// round is the calls of one Fetch.
type round struct{ failed int } // single calls in a row

// call is one, with its attempts.
type call struct {
	env     *environment
	round   *round
	secrets []int32
	batch   bool
	attempt int
	stage   stage
}

type stage uint8

const (
	connecting stage = iota
	passed
	throttled
	pausing
)

func (m *storm) newEnvironment() *environment {
	var e *environment
	if n := len(m.spareEnvs); n > 0 {
		e = m.spareEnvs[n-1]
		m.spareEnvs = m.spareEnvs[:n-1]
		clear(e.secrets)
		*e = environment{secrets: e.secrets, queue: e.queue[:0]}
	} else {
		e = &environment{secrets: make([]secret, m.secrets)}
	}
	e.missing, e.tokens = m.secrets, retryTokens
	return e
}

// wake is when what e waits for has come: its start, a request, the end of a
// back-off.
func (m *storm) wake(e *environment) {
	e.wakes--
	switch {
	case e.missing == 0:
		m.retire(e)
		return
	case m.policy.Cached && !e.begun:
		m.prefetch(e)
	case m.policy.Cached:
		m.alarm(e)
	default:
		m.fetch(e, e.wanting())
	}
	e.begun = true
}

// wanting returns what is neither held nor on its way.
func (e *environment) wanting() []int32 {
	var all []int32
	for i := range e.secrets {
		if e.secrets[i].state == absent {
			all = append(all, int32(i))
		}
	}
	return all
}

// fetch asks for all of the group.
func (m *storm) fetch(e *environment, group []int32) {
	r := &round{}
	above := m.policy.BatchAbove
	if m.policy.Cached && e.refused {
		above = min(above, max(1, len(e.secrets)/2))
	}
	if above >= 0 && len(group) > above {
		for len(group) > 0 {
			n := min(len(group), batchSize)
			e.queue = append(e.queue, m.newCall(e, r, group[:n], true))
			group = group[n:]
		}
	}
	m.each(e, r, group)
	m.advance(e)
}

// each queues single calls.
func (m *storm) each(e *environment, r *round, group []int32) {
	for i := range group {
		e.queue = append(e.queue, m.newCall(e, r, group[i:i+1], false))
	}
}

func (m *storm) newCall(e *environment, r *round, secrets []int32, batch bool) *call {
	var c *call
	if n := len(m.spareCalls); n > 0 {
		c = m.spareCalls[n-1]
		m.spareCalls = m.spareCalls[:n-1]
	} else {
		c = &call{}
	}
	*c = call{env: e, round: r, secrets: secrets, batch: batch}
	return c
}

// advance makes the calls for which there are slots.
func (m *storm) advance(e *environment) {
	if e.moving {
		return
	}
	e.moving = true
	for e.busy < m.policy.Slots && len(e.queue) > 0 {
		c := e.queue[0]
		e.queue = e.queue[1:]
		if m.policy.Row > 0 && !c.batch && c.round.failed >= m.policy.Row {
			m.land(c, false)
			m.spareCalls = append(m.spareCalls, c)
			continue
		}
		e.busy++
		m.send(c)
	}
	e.moving = false
	switch {
	case e.busy > 0:
	case e.missing == 0:
		m.retire(e)
	case !m.policy.Cached:
		wait := m.jitter(min(m.policy.Backoff<<min(e.rounds, 10), m.policy.BackoffMost))
		e.rounds++
		m.wakeAt(e, m.now+wait)
	}
}

// send makes an attempt.
func (m *storm) send(c *call) {
	c.attempt++
	c.env.trips++
	if c.env.trips > c.env.opened {
		c.env.opened++
		c.stage = connecting
		m.wheel.add(m.now+handshake, event{call: c})
		return
	}
	m.ask(c)
}

// ask is when an attempt meets the quota.
func (m *storm) ask(c *call) {
	b := &m.singles
	if c.batch {
		b = &m.batches
	}
	m.calls++
	c.stage = passed
	if !b.take(m.now) {
		m.throttled++
		c.stage = throttled
	} else if m.admitted != nil {
		m.admitted(c)
	}
	m.wheel.add(m.now+m.trip(), event{call: c})
}

// goOn is when what c waits for has come.
func (m *storm) goOn(c *call) {
	e := c.env
	switch c.stage {
	case connecting:
		m.ask(c)
	case pausing:
		m.send(c)
	case passed:
		e.trips--
		e.tokens += firstPassed
		if c.attempt > 1 {
			e.tokens += retryCost
		}
		e.tokens = min(e.tokens, retryTokens)
		m.end(c, true)
	case throttled:
		e.trips--
		fallsBack := c.batch && m.policy.Cached
		if fallsBack || c.attempt >= m.policy.Attempts || e.tokens < retryCost {
			m.end(c, false)
			return
		}
		e.tokens -= retryCost
		c.stage = pausing
		m.wheel.add(m.now+m.jitter(min(m.policy.Pause<<(c.attempt-1), m.policy.PauseMost)), event{call: c})
	}
}

// end is when c has been answered or given up.
func (m *storm) end(c *call, ok bool) {
	e := c.env
	if c.batch && !ok && m.policy.Cached {
		m.each(e, c.round, c.secrets)
	} else {
		m.land(c, ok)
	}
	switch {
	case c.batch:
	case ok:
		e.refused, c.round.failed = false, 0
	default:
		e.refused = true
		c.round.failed++
	}
	m.spareCalls = append(m.spareCalls, c)
	e.busy--
	m.advance(e)
}

// land tells of what c asked for.
func (m *storm) land(c *call, ok bool) {
	e := c.env
	for _, i := range c.secrets {
		if ok {
			e.secrets[i].state = held
			if e.missing--; e.missing == 0 {
				m.ready = append(m.ready, m.now)
			}
		} else {
			e.secrets[i].state = absent
		}
		if m.policy.Cached {
			m.settle(e, int(i), ok)
		}
	}
}

// wakeAt returns when exactly e will be woken.
func (m *storm) wakeAt(e *environment, at time.Duration) time.Duration {
	e.wakes++
	return m.wheel.add(at, event{env: e})
}

// retire has e used for another one where nothing is to come for it.
func (m *storm) retire(e *environment) {
	if e.missing == 0 && e.busy == 0 && e.wakes == 0 && !e.gone {
		e.gone = true
		m.spareEnvs = append(m.spareEnvs, e)
	}
}
