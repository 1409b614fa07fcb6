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
	r.obstacle("…")
	r.atMost("the same, from 1 to 5 s", worst[middling], 1.1)
	r.obstacle("…")
	r.atMost("the same, in shorter storms", worst[short], 1.1)
	r.obstacle("…")

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
