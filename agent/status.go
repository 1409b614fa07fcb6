package agent

import (
	"cmp"
	"slices"
	"time"
)

// Counts says how reads ended since the cache was made.
type Counts struct {
	Hits     int64 `json:"hits"`     // answered from memory while fresh
	Misses   int64 `json:"misses"`   // answered by a backend call
	Stale    int64 `json:"stale"`    // answered from memory past the TTL
	Failures int64 `json:"failures"` // ended in an error
}

// Status is what a cache holds. It names secrets and never shows a value.
type Status struct {
	Counts  Counts       `json:"counts"`
	Bytes   int64        `json:"bytes"`
	Secrets []Held       `json:"secrets"`
	Failed  []HeldFailed `json:"failed"`
}

// Held describes one secret in memory.
type Held struct {
	Secret     string   `json:"secret"` // as the backend is asked for it
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Stages     []string `json:"stages"`
	AgeSeconds float64  `json:"age_seconds"`
	Stale      bool     `json:"stale"`
	Configured bool     `json:"configured"`
}

// HeldFailed describes a failure that is remembered for some seconds.
type HeldFailed struct {
	Secret string `json:"secret"`
	Error  string `json:"error"`
}

// Status describes the cache at this moment, sorted by name.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := wall()
	s := Status{Counts: c.counts, Bytes: c.bytes, Secrets: []Held{}, Failed: []HeldFailed{}}
	for e := range c.entries {
		s.Secrets = append(s.Secrets, Held{
			Secret:     e.asked.String(),
			Name:       e.secret.Name,
			Version:    e.secret.Version,
			Stages:     e.secret.Stages,
			AgeSeconds: max(0, now.Sub(e.fetched)).Round(time.Millisecond).Seconds(),
			Stale:      c.ttl(e) > 0 && !c.fresh(e, now),
			Configured: e.configured,
		})
	}
	for ref, f := range c.failed {
		if now.Before(f.until) {
			s.Failed = append(s.Failed, HeldFailed{Secret: ref.String(), Error: f.err.Error()})
		}
	}
	slices.SortFunc(s.Secrets, func(a, b Held) int { return cmp.Compare(a.Secret, b.Secret) })
	slices.SortFunc(s.Failed, func(a, b HeldFailed) int { return cmp.Compare(a.Secret, b.Secret) })
	return s
}
