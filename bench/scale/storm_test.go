package scale

import (
	"testing"
	"time"
)

func TestOneSeedOneStorm(t *testing.T) {
	s := Scenario{Functions: 2, Environments: 2000, Secrets: 20, Seed: 7}
	other := s
	other.Seed = 8
	for _, p := range Policies() {
		one := Run(s, p)
		if again := Run(s, p); one != again {
			t.Errorf("%s: %+v, then %+v", p.Name, one, again)
		}
		if one == Run(other, p) {
			t.Errorf("%s: another seed makes no difference", p.Name)
		}
	}
}

func TestNobodyBeatsTheBound(t *testing.T) {
	for _, s := range []Scenario{
		{Functions: 1, Environments: 100, Secrets: 1, Seed: 1},
		{Functions: 1, Environments: 1000, Secrets: 50, Seed: 1},
		{Functions: 3, Environments: 3000, Secrets: 20, Seed: 2},
		{Functions: 1, Environments: 2000, Secrets: 50, Seed: 3},
		{Functions: 10, Environments: 2000, Secrets: 11, Seed: 4},
	} {
		for _, p := range Policies() {
			o := Run(s, p)
			if o.All < o.Bound || o.Half > o.NinetyNine || o.NinetyNine > o.All {
				t.Errorf("%+v, %s: half %v, 99 %% %v, all %v, the bound is %v", s, p.Name, o.Half, o.NinetyNine, o.All, o.Bound)
			}
		}
	}
}

// TestWithoutQuotasLatencyIsAll: each environment takes the round trips of its
// calls, and nothing else.
func TestWithoutQuotasLatencyIsAll(t *testing.T) {
	const little = 10 * time.Millisecond // jitter of several round trips
	for _, test := range []struct {
		name    string
		secrets int
		policy  Policy
		trips   int // in a row, after the first
		calls   int
	}{
		{"one secret", 1, Larder, 0, 1},
		{"ten, one by one", 10, Larder, 0, 10},
		{"a batch", 20, Larder, 0, 1},
		{"batches", 50, Larder, 0, 3},
		{"eight at a time", 20, SinglesOnly, 2, 20},
	} {
		s := Scenario{Functions: 1, Environments: 500, Secrets: test.secrets, Seed: 1, Unlimited: true}
		o := Run(s, test.policy)
		want := soonest + time.Duration(test.trips)*roundTrip
		if o.Ready[0] < want || o.All > want+little {
			t.Errorf("%s: ready after %v to %v, want %v and little more", test.name, o.Ready[0], o.All, want)
		}
		if o.Throttled != 0 || o.Calls != test.calls*s.Environments {
			t.Errorf("%s: %d calls, of which %d throttled", test.name, o.Calls, o.Throttled)
		}
	}
}

// TestQuotasAreKept: in no second do more calls pass than a second's worth and
// what had been left.
func TestQuotasAreKept(t *testing.T) {
	s := Scenario{Functions: 3, Environments: 3000, Secrets: 20, Seed: 1}
	for _, p := range Policies() {
		m := newStorm(s, p)
		passed := map[bool]map[int]int{false: {}, true: {}} // by tenth of a second
		last := 0
		m.admitted = func(c *call) {
			last = int(m.now / (time.Second / 10))
			passed[c.batch][last]++
		}
		m.run(s.arrivals())
		for batch, quota := range map[bool]int{false: singleQuota, true: batchQuota} {
			for from := range last {
				sum := 0
				for to := from; to <= last; to++ {
					sum += passed[batch][to]
					if most := quota + quota*(to-from+1)/10; sum > most {
						t.Fatalf("%s: %d calls passed within %d tenths of a second (batches: %v), want %d at most", p.Name, sum, to-from+1, batch, most)
					}
				}
			}
		}
	}
}

// TestEachSecretPassesOnce: what passes is what is wanted, whatever is throttled.
func TestEachSecretPassesOnce(t *testing.T) {
	for _, test := range []struct {
		s         Scenario
		throttled bool
	}{
		{Scenario{Functions: 1, Environments: 1000, Secrets: 5, Seed: 1}, false},
		{Scenario{Functions: 4, Environments: 4000, Secrets: 5, Seed: 1}, true},
	} {
		m := newStorm(test.s, Larder)
		passed := 0
		m.admitted = func(c *call) { passed += len(c.secrets) }
		m.run(test.s.arrivals())
		if want := test.s.Environments * test.s.Secrets; passed != want || (m.throttled > 0) != test.throttled {
			t.Errorf("%+v: %d secrets passed, want %d; %d calls were throttled", test.s, passed, want, m.throttled)
		}
	}
}
