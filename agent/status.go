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
	Outages []Outage     `json:"outages"`
	Secrets []Held       `json:"secrets"`
	Failed  []HeldFailed `json:"failed"`
}

// Outage describes calls to a backend that were not answered, since it began
// and until one of those secrets is.
type Outage struct {
	Backend      string  `json:"backend"`
	Place        string  `json:"place"` // such as a region; empty: the agent's own
	Secrets      int     `json:"secrets"`
	Down         bool    `json:"down"` // nobody waits for it
	SinceSeconds float64 `json:"since_seconds"`
	LastSeconds  float64 `json:"last_seconds"` // since the last call
	Error        string  `json:"error"`        // of that
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
	s := Status{Counts: c.counts, Bytes: c.bytes, Outages: []Outage{}, Secrets: []Held{}, Failed: []HeldFailed{}}
	for _, p := range c.places {
		if len(p.failing) > 0 {
			s.Outages = append(s.Outages, Outage{
				Backend: p.key.scheme, Place: p.key.name, Secrets: len(p.failing), Down: p.down(now),
				SinceSeconds: seconds(now.Sub(p.began)), LastSeconds: seconds(now.Sub(p.lastAt)), Error: p.last.Error(),
			})
		}
	}
	for e := range c.entries {
		s.Secrets = append(s.Secrets, Held{
			Secret:     e.asked.String(),
			Name:       e.secret.Name,
			Version:    e.secret.Version,
			Stages:     e.secret.Stages,
			AgeSeconds: seconds(now.Sub(e.fetched)),
			Stale:      c.ttl(e) > 0 && !c.fresh(e, now),
			Configured: e.configured,
		})
	}
	for ref, f := range c.failed {
		if c.remembered(ref, now) != nil {
			s.Failed = append(s.Failed, HeldFailed{Secret: ref.String(), Error: f.err.Error()})
		}
	}
	slices.SortFunc(s.Outages, func(a, b Outage) int {
		return cmp.Or(cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.Place, b.Place))
	})
	slices.SortFunc(s.Secrets, func(a, b Held) int { return cmp.Compare(a.Secret, b.Secret) })
	slices.SortFunc(s.Failed, func(a, b HeldFailed) int { return cmp.Compare(a.Secret, b.Secret) })
	return s
}

func seconds(d time.Duration) float64 { return max(0, d).Round(time.Millisecond).Seconds() }
