package agent_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// check reads r and holds what comes of it against the promises.
func (m *model) check(ctx context.Context, r agent.Reference, mode agent.Mode) (agent.Reading, error) {
	before := m.last(r)
	began := time.Now()
	reading, err := m.cache.Get(ctx, r, mode)
	p := promises{m, r, mode, began, time.Now(), before}
	if err != nil {
		p.failure(agent.AsError(err))
	} else {
		p.value(reading)
	}
	return reading, err
}

func (m *model) last(r agent.Reference) seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[r]
}

// promises are held against one read.
type promises struct {
	*model
	ref       agent.Reference
	mode      agent.Mode
	began, at time.Time
	before    seen // the newest that an earlier read of the same reference got
}

func (p *promises) wrong(format string, args ...any) {
	p.t.Errorf("seed %d: %s, read from %s on: %s", p.seed, p.ref, p.began.Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

func (p *promises) value(r agent.Reading) {
	value := string(r.Secret.Value.Reveal())
	asOf := p.at.Add(-r.Age)
	waited := p.at.Sub(p.began)
	if !p.store.could(p.ref, asOf, p.at, value, 0) {
		p.wrong("%q was not its value at any time of the last %v", value, r.Age)
	}
	if !p.store.any(func(c *modelCall) bool { return c.answered && c.kind == 0 && c.began.Equal(asOf) }) {
		p.wrong("its age is %v, and no call that brought a value began then", r.Age)
	}
	switch {
	case r.Stale && (r.Age < p.ttl || r.Age-waited >= p.ttl+p.config.MaxStale):
		p.wrong("it is stale at the age of %v", r.Age)
	case r.Stale && waited > p.config.RefreshWait && p.heldAtFirst(asOf) && p.keeps():
		p.wrong("it is stale, and was waited %v for", waited)
	case !r.Stale && !r.Waited && r.Age >= p.ttl:
		p.wrong("it is not stale at the age of %v", r.Age)
	case !r.Waited && waited > 0:
		p.wrong("it waited %v and says it did not", waited)
	case p.mode == agent.Fresh && (asOf.Before(p.began) && !r.Joined || r.Stale):
		p.wrong("what was asked for past the cache is %v old, stale %v", r.Age, r.Stale)
	}
	var name string
	var born, version int
	fmt.Sscanf(value, "VALUE %s %d %d", &name, &born, &version)
	if asOf.Before(p.before.asOf) && p.mode == agent.Cached && p.keeps() {
		p.wrong("it is as of %v before what was read before", p.before.asOf.Sub(asOf))
	}
	if born < p.before.born || born == p.before.born && version < p.before.version {
		p.wrong("%q comes after %d %d", value, p.before.born, p.before.version)
	}
	if fresh := p.began.Before(p.before.asOf.Add(p.ttl)); fresh && p.mode == agent.Cached && p.keeps() && (r.Waited || r.Stale) {
		p.wrong("it waited %v while a value %v old was held", waited, p.began.Sub(p.before.asOf))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.seen[p.ref]; now.asOf.Before(asOf) && !p.began.Before(now.at) {
		p.seen[p.ref] = seen{asOf, p.at, born, version}
	}
}

// heldAtFirst reports whether what was fetched at asOf was there when the read
// began: the call that brought it was over.
func (p *promises) heldAtFirst(asOf time.Time) bool {
	name, _ := p.store.name(p.ref)
	return p.store.any(func(c *modelCall) bool {
		other, _ := p.store.name(c.ref)
		return other == name && c.answered && c.kind == 0 && c.began.Equal(asOf) && c.over.Before(p.began)
	})
}

// keeps reports whether nothing but time makes the cache lose a value: there is
// room for all.
func (p *promises) keeps() bool { return p.config.Entries == 0 && p.before.born > 0 }

func (p *promises) failure(e *agent.Error) {
	waited := p.at.Sub(p.began)
	switch {
	case e.Code == "TooManyRequests":
		if p.mode == agent.Cached {
			p.wrong("%v, after a few calls", e)
		}
	case !e.Kind.Outage():
		lately := p.at.Add(-5*time.Second - waited)
		if !p.store.could(p.ref, lately.Add(-10*time.Second), p.at, "", e.Kind) {
			p.wrong("%v, and it was not so", e)
		}
		if !p.store.any(func(c *modelCall) bool { return c.kind == e.Kind && c.answered && !c.over.Before(lately) }) {
			p.wrong("%v, and no call lately said so", e)
		}
		if p.mode == agent.Cached && p.keeps() && p.began.Before(p.before.asOf.Add(p.ttl)) && p.unaliased() {
			p.wrong("%v, while a value %v old was held", e, p.began.Sub(p.before.asOf))
		}
	default:
		if !p.store.any(func(c *modelCall) bool {
			return placeOfModel(c.ref) == placeOfModel(p.ref) && !c.answered && (c.over.IsZero() || p.at.Sub(c.over) < 5*time.Minute)
		}) {
			p.wrong("%v, and there was no outage", e)
		}
		if p.mode == agent.Cached && p.keeps() && p.at.Before(p.before.asOf.Add(p.ttl+p.config.MaxStale)) && p.unanswered() {
			p.wrong("%v, while a value %v old could stand in", e, p.at.Sub(p.before.asOf))
		}
	}
}

// unaliased reports whether the reference leads to one secret for good: a name
// moves to another when its secret is made anew.
func (p *promises) unaliased() bool { return !strings.HasPrefix(p.ref.ID, "arn:") }

// unanswered reports whether the store has not said since the last read that the
// secret is gone or denied, which takes a value away once its TTL has ended.
func (p *promises) unanswered() bool {
	name, _ := p.store.name(p.ref)
	return !p.store.any(func(c *modelCall) bool {
		other, _ := p.store.name(c.ref)
		return other == name && c.answered && (c.kind != 0 || p.ref.ID != c.ref.ID) && !c.over.Before(p.before.asOf)
	})
}

// request reads past the cache while nothing else goes on. Where that fails,
// what is held stays as it was.
func (m *model) request(ctx context.Context, r agent.Reference) {
	before := m.cache.Status()
	began := time.Now()
	busy, calls := m.store.underway(), m.store.made()
	_, err := m.read(ctx, r, agent.Fresh)
	if err == nil || busy {
		return
	}
	own := 1
	if agent.AsError(err).Code == "TooManyRequests" {
		own = 0
	}
	if m.store.made()-calls > own {
		return
	}
	passed := time.Since(began).Seconds()
	held := map[string]agent.Held{}
	for _, h := range m.cache.Status().Secrets {
		held[h.Secret] = h
	}
	for _, h := range before.Secrets {
		now, ok := held[h.Secret]
		if off := now.AgeSeconds - h.AgeSeconds - passed; !ok || now.Version != h.Version || off > 0.01 || off < -0.01 {
			m.t.Errorf("seed %d: a request for %s failed, and %+v became %+v", m.seed, r, h, now)
		}
	}
}

// aliases reads a secret by name, and then by ARN, which is no other.
func (m *model) aliases(ctx context.Context, name string) {
	reading, err := m.read(ctx, ref(name), agent.Cached)
	if err != nil || reading.Stale || reading.Age >= m.ttl || m.config.Entries > 0 {
		return
	}
	again, err := m.read(ctx, agent.Reference{Scheme: "fake", ID: reading.Secret.ARN}, agent.Cached)
	if err != nil || again.Waited || again.Age > reading.Age {
		m.t.Errorf("seed %d: %s by ARN: %+v, %v, after %+v by name", m.seed, name, again, err, reading)
	}
}
