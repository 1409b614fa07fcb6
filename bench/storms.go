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
	var long, short float64 // the worst ratios
	for _, s := range scale.Scenarios() {
		for _, p := range scale.Policies() {
			o := scale.Run(s, p)
			rows = append(rows, []string{
				fmt.Sprint(s.Functions), fmt.Sprint(s.Environments), fmt.Sprint(s.Secrets), brief(o.Bound), p.Name,
				brief(o.Half), brief(o.NinetyNine), fmt.Sprintf("%s [%.2f]", brief(o.All), o.Over()), fmt.Sprint(o.Calls), fmt.Sprint(o.Throttled),
			})
			switch {
			case p.Name != scale.Larder.Name:
			case o.Bound > time.Second:
				long = max(long, o.Over())
			default:
				short = max(short, o.Over())
			}
		}
	}
	r.table(rows...)
	r.atMost("storms: the last environment ready, to what the quotas allow, where that is more than 1 s", long, 1.1)
	r.obstacle("Nobody knows of the others: who is throttled comes back at random, after a part of the time that the storm has lasted.")
	r.atMost("the same, in shorter storms", short, 1.1)
	r.obstacle("The bound is a round trip and what the quotas let through meanwhile. Of three hundred batches at once two hundred are refused and become single calls, " +
		"sixteen at a time: five round trips more, and less than without batches. A thousand batches for twenty thousand secrets leave half of these to wait for the quota of single calls, " +
		"and for the pauses between attempts, of up to 0.15 and 0.3 s; shorter ones ask for more than the quota half as often again.")

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
