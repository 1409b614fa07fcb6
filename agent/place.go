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
	failing map[Reference]bool // by the last call for each, since the outage began
	began   time.Time          // the outage
	row     int                // outages since any answer
	last    *Error             // of them
	lastAt  time.Time
	retryAt time.Time
	probe   *flight
	slowAt  time.Time // when somebody last waited RefreshWait for nothing; zero after any answer
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

// broad reports whether the outage is more than one secret's.
func (p *place) broad() bool { return p.row >= 2 && len(p.failing) >= 2 }

// down reports whether the place is known to be. What is known is forgotten
// after the longest back-off, such as by a function that has been idle.
func (p *place) down(now time.Time) bool {
	return p.broad() && (ahead(now, p.retryAt, maxRetryAfter) || recent(now, p.lastAt))
}

// admits reports whether a call may be made.
func (p *place) admits(now time.Time) bool {
	return !p.down(now) || !ahead(now, p.retryAt, maxRetryAfter) && (p.probe == nil || p.probe.landed())
}

// outage files a call that ended in one and returns what there is to log.
func (p *place) outage(ref Reference, err *Error, now time.Time, quiet bool) note {
	begins := len(p.failing) == 0
	if begins {
		p.began = now
	}
	if len(p.failing) < maxFailing {
		p.failing[ref] = true
	}
	p.row++
	p.last, p.lastAt = err, now
	p.retryAt = now.Add(err.retryAfter(p.row))
	if !begins || quiet {
		return note{}
	}
	return note{slog.LevelWarn, "a backend does not answer: what is held is served, marked stale, until it does", []any{
		"secret", ref.String(), "error", err,
	}}
}

// answered files a call that was, be it by a refusal, and returns what there is
// to log. The outage is over when a secret that could not be had can be asked
// for again.
func (p *place) answered(ref Reference, now time.Time) (over bool, _ note) {
	over = p.broad()
	recovered := over || p.failing[ref]
	p.row, p.slowAt = 0, time.Time{}
	if !recovered {
		return false, note{}
	}
	clear(p.failing)
	return over, note{slog.LevelInfo, "the backend answers again", []any{
		"secret", ref.String(), "after", now.Sub(p.began).Round(time.Millisecond).String(),
	}}
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
