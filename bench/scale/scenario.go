package scale

import (
	"slices"
	"time"
)

// Scenario is a number of functions that all begin to grow at once, until there
// are so many environments in all, each of which prefetches so many secrets.
type Scenario struct {
	Functions, Environments, Secrets int
	Seed                             uint64

	Unlimited bool // there are no quotas
}

// Scenarios returns those that the report shows: those in which the quotas are
// felt, and for each number of environments one in which they are not.
func Scenarios() []Scenario {
	var all []Scenario
	for _, s := range []struct {
		functions, environments int
		secrets                 []int
	}{
		{1, 100, []int{10, 50}},
		{1, 1000, []int{10, 20, 50}},
		{1, 10_000, []int{10, 50}},
		{10, 10_000, []int{1, 5, 10, 20, 50}},
		{100, 100_000, []int{1, 10}},
	} {
		for _, secrets := range s.secrets {
			all = append(all, Scenario{Functions: s.functions, Environments: s.environments, Secrets: secrets, Seed: 1})
		}
	}
	return all
}

// arrivals returns when the environments start, in order.
func (s Scenario) arrivals() []time.Duration {
	all := make([]time.Duration, s.Environments)
	for i := range all {
		before := i / s.Functions // of the same function
		all[i] = time.Duration(max(0, before-growth+1)) * time.Second / growthAfter
	}
	slices.Sort(all)
	return all
}

// Bound is what the quotas allow: no policy can have all environments ready
// earlier. It is reached by one that knows of all others, splits the secrets
// between the two operations, and leaves no call unused.
func (s Scenario) Bound() time.Duration {
	arrivals := s.arrivals()
	bound := arrivals[len(arrivals)-1]
	rate := float64(singleQuota + batchQuota*min(s.Secrets, batchSize)) // secrets a second
	for i, at := range arrivals {
		if s.Unlimited || i > 0 && arrivals[i-1] == at {
			continue
		}
		wanted := float64((len(arrivals) - i) * s.Secrets)
		left := max(0, wanted-rate) / rate // a second's worth is there at once
		bound = max(bound, at+time.Duration(left*float64(time.Second)))
	}
	return bound + soonest
}
