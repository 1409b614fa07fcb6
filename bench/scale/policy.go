package scale

import "time"

// Policy is how an environment gets its secrets.
type Policy struct {
	Name string

	BatchAbove int  // secrets, from which on they are asked for in batches; negative: never
	Fall       bool // a refused batch becomes single calls at once, and is not tried again
	Slots      int  // calls at once

	Attempts     int           // of a call
	Pause        time.Duration // at most, after the first attempt; doubled with each
	PauseMost    time.Duration
	Row          int           // failed calls after which an environment makes no more for now
	Backoff      time.Duration // at most, after the first failure; doubled with each
	BackoffMost  time.Duration
	BackoffLeast time.Duration

	ProbeAttempts int  // of that
	Probe         bool // after a failure one call finds out whether there is room again
	Together      bool // and what is missing is then asked for as at the start
	Reads         bool // what is missing is asked for when it is read, and not before
}

// Larder's policy is that of the product's code: agent/awsapi (attempts, pauses,
// row), agent/secretsmanager (batches), agent (back-off, probes, reads).
var Larder = Policy{
	Name: "Larder", BatchAbove: 10, Fall: true, Slots: 16,
	Attempts: 3, Pause: 250 * time.Millisecond, PauseMost: 4 * time.Second, Row: 8,
	Backoff: 500 * time.Millisecond, BackoffMost: 2 * time.Second, BackoffLeast: 50 * time.Millisecond,
	Probe: true, Together: true, Reads: true,
}

// The others are what a client does that has nothing but the SDK's standard
// retries, and begins anew when they have failed.
var (
	BatchOnly = Policy{
		Name: "batches only", BatchAbove: 0, Slots: 8, Attempts: 3, Pause: time.Second, PauseMost: 20 * time.Second,
		Backoff: time.Second, BackoffMost: 30 * time.Second,
	}
	SinglesOnly = Policy{
		Name: "single calls only", BatchAbove: -1, Slots: 8, Attempts: 3, Pause: time.Second, PauseMost: 20 * time.Second,
		Backoff: time.Second, BackoffMost: 30 * time.Second,
	}
)

// environment is one, and what it has yet to get.
type environment struct {
	missing  int
	flying   int // calls
	queued   []job
	row      int // failed calls since any that passed
	rows     int // rounds that have failed since
	probing  bool
	finished bool
}

// job is a call for so many secrets.
type job struct {
	secrets int
	batch   bool
	attempt int
}

// fetch asks for all that is missing.
func (m *storm) fetch(e *environment) {
	e.row, e.queued = 0, e.queued[:0]
	left := e.missing
	if m.policy.BatchAbove >= 0 && left > m.policy.BatchAbove {
		for ; left > 0; left -= min(left, batchSize) {
			e.queued = append(e.queued, job{secrets: min(left, batchSize), batch: true})
		}
	}
	for range left {
		e.queued = append(e.queued, job{secrets: 1})
	}
	m.launch(e)
}

// launch makes the calls for which there are slots, and ends the round after the
// last of them.
func (m *storm) launch(e *environment) {
	for e.flying < m.policy.Slots && len(e.queued) > 0 {
		j := e.queued[0]
		e.queued = e.queued[1:]
		if m.policy.Row > 0 && e.row >= m.policy.Row {
			continue
		}
		e.flying++
		m.attempt(e, j)
	}
	if e.flying == 0 {
		m.ended(e)
	}
}

// attempt makes a call.
func (m *storm) attempt(e *environment, j job) {
	b := &m.singles
	if j.batch {
		b = &m.batches
	}
	j.attempt++
	m.call(b, func(m *storm, passed bool) {
		switch {
		case passed:
			e.missing -= j.secrets
			e.row = 0
		case j.batch && m.policy.Fall:
			for range j.secrets {
				e.queued = append(e.queued, job{secrets: 1})
			}
		case j.attempt < m.policy.Attempts:
			pause := m.jitter(min(m.policy.Pause<<(j.attempt-1), m.policy.PauseMost))
			m.at(m.now+pause, func(m *storm) { m.attempt(e, j) }) // it keeps its slot
			return
		default:
			e.row++
		}
		e.flying--
		m.launch(e)
	})
}

// ended is after a round: the environment is ready, or tries again later.
func (m *storm) ended(e *environment) {
	if e.missing == 0 {
		if !e.finished {
			e.finished = true
			m.ready = append(m.ready, m.now)
		}
		return
	}
	if e.row == 0 && e.probing { // there is room again
		e.rows, e.probing = 0, false
		m.again(e, m.now)
		return
	}
	e.probing = false
	wait := max(m.policy.BackoffLeast, m.jitter(min(m.policy.Backoff<<min(e.rows, 10), m.policy.BackoffMost)))
	e.rows++
	m.again(e, m.now+wait)
}

// again asks for what is missing from then on: all of it, or one secret where it
// is not known whether there is room.
func (m *storm) again(e *environment, from time.Duration) {
	if m.policy.Reads {
		from += m.jitter(betweenRead) // when it is next read
	}
	m.at(from, func(m *storm) {
		switch {
		case m.policy.Probe && e.rows > 0:
			e.probing, e.row = true, 0
			e.queued = append(e.queued[:0], job{secrets: 1})
			m.launch(e)
		case m.policy.Together || !m.policy.Probe:
			m.fetch(e)
		default: // each by the read that misses it
			e.row, e.queued = 0, e.queued[:0]
			for range e.missing {
				e.queued = append(e.queued, job{secrets: 1})
			}
			m.launch(e)
		}
	})
}
