package main

import (
	"fmt"
	"slices"
	"time"
)

// samples are figures of one kind, of which the median counts.
type samples []float64

func (s samples) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(q*float64(len(sorted)-1)+.5)]
}

func (s samples) median() float64 { return s.quantile(.5) }

// over are the ratios to other, round by round.
func (s samples) over(other samples) samples {
	ratios := make(samples, 0, len(s))
	for i := range s {
		ratios = append(ratios, s[i]/other[i])
	}
	return ratios
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
func microseconds(d time.Duration) float64 { return d.Seconds() * 1e6 }

// duration writes microseconds with three digits.
func duration(us float64) string {
	switch {
	case us < 1:
		return fmt.Sprintf("%.0f ns", us*1e3)
	case us < 1e3:
		return fmt.Sprintf("%.3g µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.3g ms", us/1e3)
	default:
		return fmt.Sprintf("%.3g s", us/1e6)
	}
}
