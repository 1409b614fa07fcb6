package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// collect files one reader's readings.
func (s *stress) collect(readings []reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range readings {
		s.counts["reads"]++
		if r.form != pastCache && r.form != missing && !s.stopped(r) {
			s.took = append(s.took, r.end.Sub(r.began))
		}
	}
}

// stopped reports whether the process stood still during r. s.mu is held.
func (s *stress) stopped(r reading) bool {
	for i := 0; i+1 < len(s.stops); i += 2 {
		if r.began.Before(s.stops[i+1]) && r.end.After(s.stops[i]) {
			return true
		}
	}
	return false
}

func (s *stress) count(what string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[fmt.Sprintf("%s %d", what, status)]++
}

// report checks the bounds on memory and calls, and writes the table.
func (s *stress) report() {
	s.mu.Lock()
	defer s.mu.Unlock()
	third := len(s.memory) / 3
	first, last := mean(s.memory[:third]), mean(s.memory[len(s.memory)-third:])
	s.t.Logf("%v; memory %d then %d KiB", s.counts, first, last)
	slices.Sort(s.took)
	quantile := func(q float64) time.Duration { return s.took[int(q*float64(len(s.took)-1))].Round(time.Microsecond) }
	var table strings.Builder
	fmt.Fprintf(&table, "%d readers, %d names, %d cores for all: p50 %v p99 %v p99.9 %v worst %v calls %v rot %d\n", stressReaders, stressNames, runtime.NumCPU(),
		quantile(.5), quantile(.99), quantile(.999), quantile(1), s.aws.Operations(), s.history.rotations())
	s.t.Log(table.String())
	if path := os.Getenv("LARDER_STRESS_TABLE"); path != "" {
		if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
			s.t.Error(err)
		}
	}
}

func mean(numbers []int) int {
	sum := 0
	for _, n := range numbers {
		sum += n
	}
	return sum / max(1, len(numbers))
}
