package main

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-secrets/larder/bench/scale"
)

// storms shows what package scale computes.
func storms(_ context.Context, _ *setup, r *report) error {
	r.printf("\n## Storms of cold starts\n\nSimulated with a seed, against the quotas of a region (package [scale](scale/storm.go) says what is assumed): functions that all begin to grow at once.\n" +
		"The bound is what the quotas, and the functions' own growth, allow to anybody. In brackets the ratio of the last environment's time to it.\n")
	rows := [][]string{{"Functions", "environments", "secrets each", "bound", "policy", "half ready", "99 %", "all", "calls", "throttled"}}
	worst := map[string]float64{}
	for _, s := range scale.Scenarios() {
		for _, p := range scale.Policies() {
			o := scale.Run(s, p)
			rows = append(rows, []string{
				fmt.Sprint(s.Functions), fmt.Sprint(s.Environments), fmt.Sprint(s.Secrets), brief(o.Bound), p.Name,
				brief(o.Half), brief(o.NinetyNine), fmt.Sprintf("%s [%.2f]", brief(o.All), o.Over()), fmt.Sprint(o.Calls), fmt.Sprint(o.Throttled),
			})
			if p.Name == scale.Larder.Name {
				worst[length(o.Bound)] = max(worst[length(o.Bound)], o.Over())
			}
		}
	}
	r.table(rows...)
	r.atMost("storms: the last environment ready, to what the quotas allow, where that is more than 5 s", worst[long], 1.1)
	r.obstacle("Nobody knows of the others: who is throttled comes back at random, after a part of the time that the storm has lasted.")
	r.atMost("the same, from 1 to 5 s", worst[middling], 1.1)
	r.obstacle("Nobody knows of the others: who is throttled tries three times, with up to 0.25 and 0.5 s between, stays away for up to 0.1 s, and finds out with one call " +
		"whether there is room. Tried, in the simulation: two attempts, 1.11 instead of 1.17, but a read of what is not held would fail sooner, in any throttling.")
	r.atMost("the same, in shorter storms", worst[short], 1.1)
	r.obstacle("The bound is a round trip and what the quotas let through meanwhile. Of three hundred batches at once two hundred are refused and become single calls, " +
		"sixteen at a time: five round trips more, and less than without batches. A thousand batches for twenty thousand secrets leave half of these to wait for the quota of single calls, " +
		"and for the pauses between attempts.")

	r.printf("\n## A month of calls\n\nA function whose requests read five secrets each; its handler takes 100 ms, its environments live for two hours, the TTL is 300 s. Calls alone: each secret costs $%.2f more.\n", scale.StoragePrice)
	rows = [][]string{{"Requests a second", "policy", "calls", "dollars"}}
	for _, rate := range []float64{1, 100, 10_000} {
		for _, c := range scale.Month(rate) {
			rows = append(rows, []string{fmt.Sprint(rate), c.Name, fmt.Sprintf("%.3g", c.Calls), fmt.Sprintf("%.2f", c.Dollars)})
		}
	}
	r.table(rows...)
	return nil
}

func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

const (
	long     = "long"
	middling = "middling"
	short    = "short"
)

// length is which sort of storm it is for which the quotas allow so short a time.
func length(bound time.Duration) string {
	switch {
	case bound > 5*time.Second:
		return long
	case bound > time.Second:
		return middling
	default:
		return short
	}
}
