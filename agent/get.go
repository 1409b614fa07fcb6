package agent

import (
	"context"
	"time"
)

// Mode says whether a read may be answered from memory.
type Mode int

const (
	Cached Mode = iota // from memory while fresh, stale during an outage
	Fresh              // from the backend, or not at all
)

// Reading is a secret as one read got it.
type Reading struct {
	Secret *Secret
	Age    time.Duration // since the backend was asked for it
	TTL    time.Duration // what is left of it; negative: since it ended
	Stale  bool          // past its TTL, and the backend has not answered since

	// Waited says that the read waited for a backend call, Forced that it asked
	// for one, Held that a value past its TTL was there meanwhile, and Joined that
	// the call was begun for another read.
	Waited, Forced, Held, Joined bool
}

// Get returns the secret that ref names. A held and fresh one is returned at
// once; otherwise Get waits for the backend, for as long as ctx allows. Where a
// value is held that may stand in, it waits for RefreshWait at most, and not at
// all while the backend is known to be down. Callers that ask for the same secret
// at once share one backend call, which none of them can cancel. The error wraps
// or is an [Error], or is that of ctx.
func (c *Cache) Get(ctx context.Context, ref Reference, mode Mode) (Reading, error) {
	if err := c.admit(ctx, ref); err != nil {
		return Reading{}, err
	}
	r := read{ref: ref, mode: mode, began: wall()}
	for {
		c.mu.Lock()
		p := c.plan(&r, wall())
		c.mu.Unlock()
		c.launch(c.ctx, p.begun)
		if p.flight == nil {
			return r.traced(p.reading), p.err
		}
		if err := c.wait(ctx, &p); err != nil {
			return Reading{}, err
		}
		r.waited, r.held, r.joined = true, r.held || p.held != nil, p.joined
		c.mu.Lock()
		reading, err, answered := c.conclude(&r, &p, wall())
		c.mu.Unlock()
		if answered {
			return r.traced(reading), err
		}
	}
}

// Hit is Get of what is held and fresh, and false of anything else. It waits for
// nobody.
func (c *Cache) Hit(ref Reference) (Reading, bool) {
	now := wall()
	c.mu.Lock()
	c.notice(now)
	if c.config.Listed && !c.listed[ref] {
		c.mu.Unlock()
		return Reading{}, false
	}
	p, ok := c.hit(ref, now)
	c.mu.Unlock()
	c.launch(c.ctx, p.begun)
	return p.reading, ok
}

// hit answers from a fresh entry. c.mu is held.
func (c *Cache) hit(ref Reference, now time.Time) (plan, bool) {
	e := c.index[ref]
	if e == nil || !c.fresh(e, now) {
		return plan{}, false
	}
	c.counts.Hits++
	return plan{reading: c.hand(e, now), begun: c.refreshAhead(e, now)}, true
}

// read is one call of Get.
type read struct {
	ref   Reference
	mode  Mode
	began time.Time
	own   bool // ask by ref itself: what the secret was first asked for as leads elsewhere by now

	listed bool // a pattern that covers ref has been waited for

	waited, held, joined bool // for what Reading tells
}

func (r *read) traced(reading Reading) Reading {
	reading.Waited, reading.Forced, reading.Held, reading.Joined = r.waited, r.mode == Fresh, r.held, r.joined
	return reading
}

// plan is how a read goes on: with a flight to wait for, or with an answer.
type plan struct {
	reading Reading
	err     error

	flight   *flight
	joined   bool
	held     *entry        // may stand in when patience has ended; nil: there is nothing
	patience time.Duration // for flight, with held

	begun []*flight // to be launched
}

// plan decides how r goes on. c.mu is held.
func (c *Cache) plan(r *read, now time.Time) plan {
	c.notice(now)
	if r.mode == Cached {
		if p, ok := c.hit(r.ref, now); ok {
			return p
		}
	}
	e := c.index[r.ref]
	if r.mode == Cached && e != nil && c.usable(e, now) {
		return c.planRefresh(r, e, now)
	}
	return c.planFetch(r, e, now)
}

// planRefresh is for a read of e, which is past its TTL and may stand in. c.mu is
// held.
func (c *Cache) planRefresh(r *read, e *entry, now time.Time) plan {
	place := c.place(e.asked)
	if c.putOff(e, now) || e.outages > 0 && recent(now, e.outageAt) || place.waived(e.fetched, now) {
		return plan{reading: c.standIn(e, now), begun: c.refreshAhead(e, now)}
	}
	p := plan{held: e}
	p.flight, p.joined = c.flights[r.asked(e)], true
	if p.flight == nil {
		p.begun = c.gather(now, c.begin(r.asked(e), forReader, now))
		p.flight, p.joined = p.begun[0], false
	}
	p.patience = c.config.RefreshWait - max(now.Sub(p.flight.began), now.Sub(r.began))
	if p.patience <= 0 {
		place.slowAt = now
		return plan{reading: c.standIn(e, now), begun: p.begun}
	}
	return p
}

// planFetch is for a read that only the backend can answer; what is held in e,
// which may be nil, is too old. c.mu is held.
func (c *Cache) planFetch(r *read, e *entry, now time.Time) plan {
	if err := c.refused(r, e, now); err != nil {
		c.counts.Failures++
		return plan{err: err}
	}
	asked := r.asked(e)
	f, place := c.flights[asked], c.place(asked)
	if f == nil && r.mode == Cached && !r.listed {
		f = c.listingOf(r.ref)
	}
	if f != nil && (r.mode == Cached || f.purpose == forRequest) && !(f == place.probe && place.down(now)) {
		return plan{flight: f, joined: true}
	}
	if !place.admits(now) {
		c.counts.Failures++
		return plan{err: place.refusal(r.ref, now)}
	}
	why := forReader
	if r.mode == Fresh {
		why = forRequest
	}
	if err := c.limit(r.ref, asked, why, now); err != nil {
		c.counts.Failures++
		return plan{err: err}
	}
	f = c.begin(asked, why, now)
	return plan{flight: f, begun: []*flight{f}}
}

// refused returns the failure of an earlier call that still answers r. c.mu is
// held.
func (c *Cache) refused(r *read, e *entry, now time.Time) error {
	if r.mode != Cached {
		return nil
	}
	if e != nil && e.outage != nil && c.putOff(e, now) {
		return c.tooOld(e, e.outage, now)
	}
	return c.remembered(r.ref, now)
}

// limit bounds what reads make the backend do. c.mu is held.
func (c *Cache) limit(ref, asked Reference, why purpose, now time.Time) error {
	store := c.stores[ref.Scheme]
	switch {
	case store.TTL == 0:
		return nil
	case why == forRequest:
		return store.limits.refresh(ref, asked, now)
	default:
		return store.limits.miss(ref, now)
	}
}

// asked is the reference by which to ask for what r wants.
func (r *read) asked(e *entry) Reference {
	if e == nil || r.own {
		return r.ref
	}
	return e.asked
}

// conclude turns what has come of the plan into what the reader gets, or says
// that there is to be another plan. c.mu is held.
func (c *Cache) conclude(r *read, p *plan, now time.Time) (_ Reading, _ error, answered bool) {
	f, e := p.flight, c.index[r.ref]
	if !f.landed() {
		c.place(f.ref).slowAt = now
		if e == nil {
			e = p.held
		}
		return c.standIn(e, now), nil, true
	}
	failure := AsError(f.result.Err)
	switch {
	case f.ref.IsPattern() && (failure == nil || !failure.Kind.Outage()):
		r.listed = true // what it has brought is held by now
		return Reading{}, nil, false
	case failure == nil && f.result.Secret.answers(r.ref):
		c.counts.Misses++
		reading := Reading{Secret: f.result.Secret, Age: max(0, now.Sub(f.began))}
		if e != nil && e.sequence >= f.sequence { // of two answers the later counts
			reading = c.hand(e, now)
		}
		reading.Stale = false // however long the call took
		return reading, nil, true
	case f.abandoned && r.mode == Cached:
		return Reading{}, nil, false
	case f.ref != r.ref && (failure == nil || !failure.Kind.Outage()):
		r.own = true // who knew it by the one name does not by the other
		return Reading{}, nil, false
	case r.mode == Cached && failure.Kind.Outage() && e != nil && c.usable(e, now):
		return c.standIn(e, now), nil, true
	case r.mode == Cached && failure.Kind.Outage() && e != nil:
		c.counts.Failures++
		return Reading{}, c.tooOld(e, failure, now), true
	default:
		c.counts.Failures++
		return Reading{}, f.result.Err, true
	}
}

// standIn hands out e, which the backend could not bring anew; another read may
// have brought it by now. c.mu is held.
func (c *Cache) standIn(e *entry, now time.Time) Reading {
	reading := c.hand(e, now)
	if reading.Stale {
		c.counts.Stale++
	} else {
		c.counts.Hits++
	}
	return reading
}

// hand notes that e has been read and returns it. c.mu is held.
func (c *Cache) hand(e *entry, now time.Time) Reading {
	e.lastRead = now
	c.recent.MoveToFront(e.recent)
	age := max(0, now.Sub(e.fetched))
	return Reading{Secret: e.secret, Age: age, TTL: c.ttl(e) - age, Stale: !c.fresh(e, now)}
}
