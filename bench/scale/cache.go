package scale

import (
	"math"
	"time"
)

// cache is what package agent knows of the secrets that it could not have, and of
// their place, which is one; the names are those of its code.
type cache struct {
	row     int
	first   int
	several bool
	lastAt  time.Duration
	retryAt time.Duration
	probe   int           // of which secret; only while that is flying
	since   time.Duration // when it was throttled first

	awaited  int           // by INIT
	initEnd  time.Duration // at the latest
	asking   bool          // requests have begun
	next     int           // secret that the request under way reads
	reading  bool          // a request waits for that
	wakingAt time.Duration // the next request; 0: none is awaited
}

const nobody = -1

// prefetch asks for all secrets, which holds up INIT.
func (m *storm) prefetch(e *environment) {
	e.probe, e.since = nobody, -1
	group := e.wanting()
	e.awaited = len(group)
	for _, i := range group {
		m.begin(e, int(i))
		e.secrets[i].prefetch = true
	}
	e.initEnd = m.now + m.policy.InitTimeout
	m.wakeAt(e, e.initEnd)
	m.fetch(e, group)
}

func (m *storm) begin(e *environment, i int) {
	if e.down() && e.probe == nobody {
		e.probe = i
	}
	e.secrets[i].state, e.secrets[i].began = flying, m.now
}

// down says what place.down does; that it is forgotten after 30 s counts nowhere.
func (e *environment) down() bool { return e.several }

func (e *environment) admits(now time.Duration) bool {
	return !e.down() || now >= e.retryAt && e.probe == nobody
}

// settle files what has come of the flight for a secret.
func (m *storm) settle(e *environment, i int, ok bool) {
	s := &e.secrets[i]
	if e.probe == i {
		e.probe = nobody
	}
	if ok {
		over := e.several
		e.row, e.several = 0, false
		s.outages, s.until = 0, 0
		if over {
			m.retryNow(e)
		}
	} else {
		if e.since < 0 {
			e.since = m.now
		}
		s.outages = min(s.outages+1, 20)
		s.until = m.now + m.backoff(e, int(s.outages))
		switch {
		case e.row == 0:
			e.row, e.first = 1, i
			e.retryAt = m.now + m.backoff(e, e.row)
		case s.began < e.lastAt:
			e.retryAt = max(e.retryAt, m.now)
		default:
			e.row++
			e.retryAt = m.now + m.backoff(e, e.row)
		}
		e.several = e.several || i != e.first
		e.lastAt = m.now
	}
	if s.prefetch {
		s.prefetch = false
		if e.awaited--; e.awaited == 0 && !e.asking {
			m.request(e)
			return
		}
	}
	switch {
	case e.reading && e.next == i:
		e.next++
		e.reading = false
		m.read(e)
	case e.asking && !e.reading && e.wakingAt == 0:
		m.await(e)
	}
}

// retryNow asks for all that was put off.
func (m *storm) retryNow(e *environment) {
	group := e.wanting()
	for _, i := range group {
		e.secrets[i].outages, e.secrets[i].until = 0, 0
		m.begin(e, int(i))
	}
	if len(group) > 0 {
		m.fetch(e, group)
	}
}

func (m *storm) backoff(e *environment, outages int) time.Duration {
	p := &m.policy
	most := min(p.BackoffMost, max(p.ShareLeast, time.Duration(p.Share*float64(m.now-e.since))))
	return max(p.BackoffLeast, m.jitter(min(p.Backoff<<min(outages-1, 10), most)))
}

// alarm is when what e awaits is there: the end of INIT's patience, or a request.
func (m *storm) alarm(e *environment) {
	switch {
	case m.now == e.wakingAt:
		m.request(e)
	case m.now >= e.initEnd && !e.asking:
		m.request(e)
	}
}

// request begins one, the first of which ends INIT.
func (m *storm) request(e *environment) {
	e.wakingAt = 0
	e.asking, e.next = true, 0
	m.read(e)
}

// read goes on with a request, which reads one secret after the other.
func (m *storm) read(e *environment) {
	for ; e.next < len(e.secrets); e.next++ {
		s := &e.secrets[e.next]
		switch {
		case s.state == flying && !(e.probe == e.next && e.down()):
			e.reading = true
			return
		case s.state == absent && s.until <= m.now && e.admits(m.now):
			e.reading = true
			m.begin(e, e.next)
			m.fetch(e, []int32{int32(e.next)})
			return
		}
	}
	m.await(e)
}

// await has the next request come that can change anything: those before it are
// answered from memory, or refused.
func (m *storm) await(e *environment) {
	if e.missing == 0 {
		return
	}
	from := time.Duration(math.MaxInt64)
	for i := range e.secrets {
		if s := &e.secrets[i]; s.state == absent {
			at := s.until
			if e.down() {
				at = max(at, e.retryAt)
			}
			from = min(from, at)
		}
	}
	if from == math.MaxInt64 {
		return // all that is missing is on its way
	}
	e.wakingAt = m.wakeAt(e, max(from, m.now)+m.jitter(m.policy.Requests))
}
