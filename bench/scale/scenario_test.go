package scale

import (
	"testing"
	"time"
)

func TestArrivals(t *testing.T) {
	all := Scenario{Functions: 2, Environments: 2400}.arrivals()
	for i, want := range map[int]time.Duration{0: 0, 1999: 0, 2000: time.Second / 100, 2001: time.Second / 100, 2399: 2 * time.Second} {
		if all[i] != want {
			t.Errorf("environment %d starts at %v, want %v", i, all[i], want)
		}
	}
}

func TestBound(t *testing.T) {
	for _, test := range []struct {
		name string
		s    Scenario
		want time.Duration // beyond the soonest
	}{
		{"within a second's worth", Scenario{Functions: 1, Environments: 1000, Secrets: 10}, 0},
		// 100,000 at 10,100 a second, of which a second's worth is there at once.
		{"ten times the burst", Scenario{Functions: 100, Environments: 100_000, Secrets: 1}, 8901 * time.Millisecond},
		// 50,000 at 12,000 a second.
		{"with full batches", Scenario{Functions: 1, Environments: 1000, Secrets: 50}, 3167 * time.Millisecond},
		// 100 environments a second want 100 secrets a second.
		{"as fast as the function may grow", Scenario{Functions: 1, Environments: 2000, Secrets: 1}, 10 * time.Second},
		// The last environment starts after 1 s, 80,000 at 12,000 a second take longer.
		{"growth beside the quotas", Scenario{Functions: 1, Environments: 1100, Secrets: 80}, 6333 * time.Millisecond},
		{"without quotas", Scenario{Functions: 1, Environments: 1000, Secrets: 50, Unlimited: true}, 0},
	} {
		if got := test.s.Bound() - soonest; (got - test.want).Abs() > time.Millisecond {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestScenariosAreComplete(t *testing.T) {
	for _, s := range Scenarios() {
		if s.Environments%s.Functions != 0 || s.Secrets == 0 || s.Seed == 0 {
			t.Errorf("%+v", s)
		}
	}
}
