package scale

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestExplore(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip("set EXPLORE")
	}
	var ps []Policy
	for _, together := range []bool{false, true} {
		for _, cap := range []time.Duration{2, 5, 30} {
			for _, attempts := range []int{1, 3} {
				p := Larder
				p.Together, p.BackoffMost, p.ProbeAttempts = together, cap*time.Second, attempts
				p.Name = fmt.Sprint("together ", together, " cap ", cap, " attempts ", attempts)
				ps = append(ps, p)
			}
		}
	}
	for _, s := range []Scenario{{1, 1000, 50, 1}, {10, 10000, 10, 1}, {10, 10000, 50, 1}, {100, 100000, 1, 1}} {
		fmt.Printf("%+v bound %v\n", s, s.Bound().Round(time.Millisecond))
		for _, p := range ps {
			if p.Name == "batches only" && s.Environments > 10000 {
				continue
			}
			b := time.Now()
			o := Run(s, p)
			fmt.Printf("   %-20s half %v 99 %v all %v (%.2f) calls %d throttled %d  [%v]\n", p.Name, o.Half.Round(time.Millisecond), o.NinetyNine.Round(time.Millisecond), o.All.Round(time.Millisecond), o.All.Seconds()/s.Bound().Seconds(), o.Calls, o.Throttled, time.Since(b).Round(time.Millisecond))
		}
	}
}
