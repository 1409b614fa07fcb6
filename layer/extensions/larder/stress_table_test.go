package main

import (
	"fmt"
	"os"
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

func (s *stress) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// flat checks that the process has not grown.
func (s *stress) flat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, last := s.memoryThirds()
	if last > first+first/4+8<<10 { // a heap that may double before it is collected
		s.t.Errorf("resident memory was %d KiB in the first third, %d KiB in the last", first, last)
	}
}

// bounded checks that the calls have not got out of hand.
func (s *stress) bounded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	refreshes := int(time.Since(s.began)/(stressTTL*8/10)) + 1    // of each secret
	own := 3 * (s.counts["past the cache"] + s.counts["missing"]) // with every attempt
	// Where the machine is so slow that a secret is read once in a TTL, none travels with it.
	if calls, most := len(s.aws.Calls("")), refreshes*stressNames+s.fails*300+own; calls > most {
		s.t.Errorf("%d calls, want %d at most: %v, %v", calls, most, s.aws.Operations(), s.counts)
	}
	if s.counts["stale"] == 0 || s.counts["hit"] == 0 || s.history.rotations() == 0 {
		s.t.Errorf("this proves nothing: %v", s.counts)
	}
}

// report writes the table.
func (s *stress) report(lasts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.took)
	first, last := s.memoryThirds()
	var table strings.Builder
	row := func(what, format string, args ...any) {
		fmt.Fprintf(&table, "| %s | "+format+" |\n", append([]any{what}, args...)...)
	}
	quantile := func(q float64) string {
		return fmt.Sprintf("%.1f ms", s.took[int(q*float64(len(s.took)-1))].Seconds()*1000)
	}
	fmt.Fprintf(&table, "| %d readers, %d secrets, a TTL of %v, for %v | |\n|---|---|\n", stressReaders, stressNames, stressTTL, lasts)
	row("reads", "%d", s.counts["reads"])
	row("rotations, outages, stops meanwhile", "%d, %d, %d", s.history.rotations(), s.fails, len(s.stops)/2)
	row("p50, p99, p99.9", "%s, %s, %s", quantile(.5), quantile(.99), quantile(.999))
	row("worst outside the stops", "%s", quantile(1))
	row("from memory", "%d", s.counts["hit"])
	row("marked stale", "%d", s.counts["stale"])
	row("waited for the backend past the TTL", "%d", s.counts["fwd=stale"])
	row("waited though a good value was held; wrong values; errors", "%d", s.faults.Load())
	row("backend calls", "%d", len(s.aws.Calls("")))
	row("resident memory, first and last third", "%.1f MiB, %.1f MiB", float64(first)/1024, float64(last)/1024)
	s.t.Logf("%v\n%s", s.counts, table.String())
	if path := os.Getenv("LARDER_STRESS_TABLE"); path != "" {
		if err := os.WriteFile(path, []byte(table.String()), 0o644); err != nil {
			s.t.Error(err)
		}
	}
}

// memoryThirds is the mean of the memory in the first and in the last third. s.mu is
// held.
func (s *stress) memoryThirds() (first, last int) {
	third := len(s.memory) / 3
	return mean(s.memory[:third]), mean(s.memory[len(s.memory)-third:])
}

func mean(numbers []int) int {
	sum := 0
	for _, n := range numbers {
		sum += n
	}
	return sum / max(1, len(numbers))
}
