package agent

import (
	"fmt"
	"log/slog"
	"time"
)

// place is what is up or down as one, such as a store in one region, and what is
// known of it. Cache.mu guards it.
//
// A single secret that cannot be had says little of its place: its key may be
// gone. A place is down when the calls for two secrets have ended in an outage
// and none has been answered since. Then nobody waits for it: after a back-off
// one call at a time finds out whether it is up again.
type place struct {
	key     placeKey
	failing map[Reference]bool // by the last call for each
	began   time.Time          // when the first of them did
	since   time.Time          // of the outages that are no further apart than the longest back-off, the first

	row     int       // outages since any answer; calls that were under way together count as one
	first   Reference // of the row
	several bool      // the row is not of the first alone
	last    *Error
	lastAt  time.Time
	retryAt time.Time
	probe   *flight
	slowAt  time.Time // when somebody last waited RefreshWait for nothing; zero after any answer
	upAt    time.Time // when it was last found to be down no more
}

type placeKey struct{ scheme, name string }

const (
	maxPlaces  = 100 // past it, places that requests make up count as one
	maxFailing = 1000
)

// place returns what ref depends on. c.mu is held.
func (c *Cache) place(ref Reference) *place {
	key := placeKey{scheme: ref.Scheme}
	if name := c.stores[ref.Scheme].Place; name != nil {
		key.name = name(ref)
	}
	p := c.places[key]
	if p == nil && len(c.places) >= maxPlaces {
		key.name = "others"
		p = c.places[key]
	}
	if p == nil {
		p = &place{key: key, failing: map[Reference]bool{}}
		c.places[key] = p
	}
	return p
}

// down reports whether the place is known to be. What is known is forgotten
// after the longest back-off, such as by a function that has been idle.
func (p *place) down(now time.Time) bool {
	return p.several && (ahead(now, p.retryAt, maxRetryAfter) || recent(now, p.lastAt) || p.probing(now))
}

// waived reports whether nobody waits for what was fetched at that time and is
// past its TTL: p is down or slow, or was when that had its turn.
func (p *place) waived(fetched, now time.Time) bool {
	return p.down(now) || recent(now, p.slowAt) || recent(now, p.upAt) && fetched.Before(p.upAt)
}

// probing reports whether a call is under way that finds out.
func (p *place) probing(now time.Time) bool {
	return p.probe != nil && !p.probe.landed() && recent(now, p.probe.began)
}

// admits reports whether a call may be made.
func (p *place) admits(now time.Time) bool {
	return !p.down(now) || !ahead(now, p.retryAt, maxRetryAfter) && !p.probing(now)
}

// outage files f, which ended in one, and returns what there is to log: when it
// is the first that is not answered, and not for what prefetch reports.
func (p *place) outage(f *flight, err *Error, now time.Time) note {
	if !recent(now, p.lastAt) {
		p.since = now
	}
	begins := len(p.failing) == 0 || p.row == 0 && !p.failing[f.ref]
	if len(p.failing) == 0 {
		p.began = now
	}
	if len(p.failing) < maxFailing {
		p.failing[f.ref] = true
	}
	switch {
	case p.row == 0:
		p.row, p.first = 1, f.ref
		p.retryAt = p.again(err, p.row, now)
	case f.began.Before(p.lastAt):
		p.retryAt = later(p.retryAt, now.Add(min(err.RetryAfter, maxRetryAfter)))
	default:
		p.row++
		p.retryAt = p.again(err, p.row, now)
	}
	p.several = p.several || f.ref != p.first
	p.last, p.lastAt = err, now
	if !begins || f.purpose == forPrefetch {
		return note{}
	}
	return note{slog.LevelWarn, "a backend fails: until it answers, what is held is served, marked stale once its TTL has ended", []any{
		"secret", f.ref.String(), "error", err,
	}}
}

// again is when to ask again for what has ended in err so many times in a row.
// Outages have lasted since the first of them, whatever was answered meanwhile.
func (p *place) again(err *Error, outages int, now time.Time) time.Time {
	lasted := time.Duration(0)
	if recent(now, p.lastAt) {
		lasted = now.Sub(p.since)
	}
	return now.Add(err.retryAfter(outages, lasted))
}

// answered files a call for ref that was, be it by a refusal, and returns what
// there is to log. The outage is over when what was down, or a secret that could
// not be had, can be asked for again.
func (p *place) answered(ref Reference, now time.Time) (over bool, _ note) {
	over = p.several
	recovered := over || p.failing[ref]
	p.row, p.several, p.slowAt = 0, false, time.Time{}
	delete(p.failing, ref)
	if over {
		clear(p.failing)
		p.upAt = now
	}
	if !recovered {
		return false, note{}
	}
	return over, note{slog.LevelInfo, "the backend answers again", []any{
		"secret", ref.String(), "after", now.Sub(p.began).Round(time.Millisecond).String(),
	}}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// refusal is what a read gets while p is down and nothing is held for it.
func (p *place) refusal(ref Reference, now time.Time) *Error {
	return p.last.instead(fmt.Sprintf("secret %q: the backend is not asked, since it does not answer", ref.ID), p.retryAt.Sub(now))
}

// note is a line to be logged once Cache.mu has been released.
type note struct {
	level   slog.Level
	message string
	args    []any
}

func (c *Cache) log(n note) {
	if n.message != "" {
		c.config.Log.Log(c.ctx, n.level, n.message, n.args...)
	}
}
