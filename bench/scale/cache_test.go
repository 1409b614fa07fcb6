package scale

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestCacheIsThatOfTheProduct runs the product's own caches, in virtual time,
// against a store with the same quota as the simulated ones: back-off, places,
// probes and reads agree. The calls' own attempts, the batches and the connections
// are not the cache's: there is one attempt, and no batch.
func TestCacheIsThatOfTheProduct(t *testing.T) {
	const quota = 100
	for _, secrets := range []int{1, 5} {
		s := Scenario{Functions: 1, Environments: 1000 / secrets, Secrets: secrets, Seed: 1}
		p := Larder
		p.Attempts, p.BatchAbove = 1, -1
		m := newStorm(s, p)
		m.singles = newBucket(quota)
		m.run(s.arrivals())
		model := m.outcome(s)

		var ready []time.Duration
		var calls int
		synctest.Test(t, func(t *testing.T) { ready, calls = product(t, s, quota) })
		slices.Sort(ready)
		near := func(what string, model, real float64) {
			t.Logf("%d secrets, %s: %.4g in the model, %.4g in the product", secrets, what, model, real)
			if model < real*.8 || model > real*1.2 {
				t.Errorf("%d secrets, %s: %.4g in the model, %.4g in the product", secrets, what, model, real)
			}
		}
		near("half", model.Half.Seconds(), ready[len(ready)/2].Seconds())
		near("99 %", model.NinetyNine.Seconds(), ready[len(ready)*99/100].Seconds())
		near("all", model.All.Seconds(), ready[len(ready)-1].Seconds())
		near("calls", float64(model.Calls), float64(calls))
	}
}

// product has a storm of real caches.
func product(t *testing.T, s Scenario, quota float64) (ready []time.Duration, calls int) {
	store := &store{began: time.Now(), bucket: newBucket(quota)}
	var specs []agent.Spec
	for i := range s.Secrets {
		specs = append(specs, agent.Spec{Reference: agent.Reference{Scheme: "fake", ID: fmt.Sprint(i)}})
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range s.Environments {
		c := agent.New(agent.Config{
			Sources: map[string]agent.Source{"fake": {
				Open: func(context.Context) (agent.Backend, error) { return store, nil }, TTL: time.Hour,
			}},
			Secrets: specs,
		})
		all.Go(func() {
			defer c.Close()
			init, cancel := context.WithTimeout(t.Context(), Larder.InitTimeout)
			defer cancel()
			c.Prefetch(init)
			for !request(t.Context(), c, specs) {
				time.Sleep(agent.Jitter(2 * Larder.Requests)) // as much at random as those of the model
			}
			mu.Lock()
			ready = append(ready, time.Since(store.began))
			mu.Unlock()
		})
	}
	all.Wait()
	return ready, store.calls
}

// request reads all secrets and reports whether they were there.
func request(ctx context.Context, c *agent.Cache, specs []agent.Spec) bool {
	there := true
	for _, spec := range specs {
		_, err := c.Get(ctx, spec.Reference, agent.Cached)
		there = there && err == nil
	}
	return there
}

// store is a backend with a quota.
type store struct {
	mu     sync.Mutex // guards all below
	began  time.Time
	bucket bucket
	calls  int
}

func (s *store) Fetch(_ context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	var all sync.WaitGroup
	for i, ref := range refs {
		all.Go(func() {
			s.mu.Lock()
			s.calls++
			passed := s.bucket.take(time.Since(s.began))
			s.mu.Unlock()
			time.Sleep(roundTrip)
			if !passed {
				deliver(i, agent.Result{Err: &agent.Error{Kind: agent.Throttled, Status: 400, Code: "ThrottlingException", Message: "rate exceeded"}})
				return
			}
			deliver(i, agent.Result{Secret: &agent.Secret{
				Name: ref.ID, Version: "1", Value: agent.NewValue([]byte("x")), Aliases: []agent.Reference{ref},
			}})
		})
	}
	all.Wait()
}
