package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// check holds a read against the promises. freshUntil and newest are what was
// known of the name when it began.
func (s *stress) check(r *reading, freshUntil time.Time, newest int) {
	if r.form == pastCache {
		s.count("past the cache")
	}
	switch {
	case r.err != nil:
		s.wrong(r, "%v", r.err)
	case r.form == missing:
		s.count("missing")
		if r.status == http.StatusOK {
			s.wrong(r, "there is no such secret")
		}
	case r.form == pastCache && r.status != http.StatusOK:
		if r.status != http.StatusTooManyRequests && r.status < 500 {
			s.wrong(r, "status %d: %s", r.status, r.body)
		}
	case r.status != http.StatusOK:
		s.wrong(r, "status %d, though a value is held: %s", r.status, r.body)
	default:
		s.checkValue(r, newest)
		s.checkWait(r, freshUntil)
	}
}

func (s *stress) checkValue(r *reading, newest int) {
	version, id, err := r.version()
	if err != nil {
		s.wrong(r, "%v", err)
		return
	}
	era, ok := s.history.era(r.name, version)
	asOf := r.began.Add(-r.age() - time.Second) // at the earliest: Age is rounded down
	switch {
	case !ok:
		s.wrong(r, "there is no version %d yet", version)
		return
	case era.id != id:
		s.wrong(r, "version %d has the ETag %s, want %s", version, id, era.id)
	case version < newest:
		s.wrong(r, "version %d comes after %d", version, newest)
	case !era.until.IsZero() && era.until.Before(asOf):
		s.wrong(r, "version %d was replaced %v before its age says", version, asOf.Sub(era.until))
	case !r.stale() && !r.joined() && !era.until.IsZero() && era.until.Before(r.began.Add(-stressTTL)):
		s.wrong(r, "version %d was replaced %v ago", version, r.began.Sub(era.until))
	case r.form == pastCache && !r.joined() && !era.until.IsZero() && era.until.Before(r.began):
		s.wrong(r, "version %d was replaced %v before it was asked for", version, r.began.Sub(era.until))
	case r.stale() && r.form == pastCache:
		s.wrong(r, "what was asked for is stale")
	}
	s.traces[r.name].learn(r, version)
}

// checkWait judges by what the answer says, and by what earlier answers said,
// whether the read should have waited for the backend.
func (s *stress) checkWait(r *reading, freshUntil time.Time) {
	if r.stale() {
		s.outage.stale(r)
		s.count("stale")
	}
	if r.form == pastCache {
		return
	}
	how := r.how()
	s.count(how)
	switch {
	case how == "hit":
	case how == "fwd=miss":
		s.wrong(r, "it waited, though its name has been read before")
	case how == "fwd=stale" && r.began.Before(freshUntil):
		s.wrong(r, "it waited, though what was held was fresh for %v more", freshUntil.Sub(r.began))
	case how == "fwd=stale" && s.outage.known(r):
		s.wrong(r, "it waited, though the backend was known to be down")
	case how == "fwd=stale":
	default:
		s.wrong(r, "Cache-Status: %s", r.header.Get("Cache-Status"))
	}
}

// outage is what is known of the backend by the calls that it has answered, and
// by the reads that were marked stale.
type outage struct {
	mu        sync.Mutex // guards all below
	answering int        // calls
	answered  time.Time  // the last
	since     time.Time  // when the last read that was marked stale began
	seen      time.Time  // when its reader had the answer
}

func (o *outage) answer(answer func()) {
	o.mu.Lock()
	o.answering++
	o.mu.Unlock()
	answer()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answering--
	o.answered = time.Now()
}

func (o *outage) stale(r *reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.began.After(o.since) {
		o.since, o.seen = r.began, r.end
	}
}

// known reports whether a value had been served stale before r began, and the
// backend has answered nothing since.
func (o *outage) known(r *reading) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.seen.IsZero() && o.seen.Before(r.began) && o.answering == 0 && o.answered.Before(o.since.Add(-answerTravels))
}

// answerTravels is what an answer may take from the backend to the cache.
const answerTravels = time.Second

func (s *stress) wrong(r *reading, format string, args ...any) {
	if s.faults.Add(1) <= 20 {
		s.t.Errorf("%s of %s at %v: %s", r.form.path(r.name), r.name, r.began.Sub(s.began).Round(time.Millisecond), fmt.Sprintf(format, args...))
	}
}
