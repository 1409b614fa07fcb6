package scale

import (
	"math"
	"testing"
	"time"
)

func TestOneSeedOneStorm(t *testing.T) {
	s := Scenario{Functions: 2, Environments: 2000, Secrets: 20, Seed: 7}
	for _, p := range []Policy{Larder, BatchOnly, SinglesOnly} {
		if one, other := Run(s, p), Run(s, p); one != other {
			t.Errorf("%s: %+v, then %+v", p.Name, one, other)
		}
	}
	other := s
	other.Seed = 8
	if Run(s, Larder) == Run(other, Larder) {
		t.Error("another seed makes no difference")
	}
}

func TestNobodyBeatsTheBound(t *testing.T) {
	for _, s := range []Scenario{{1, 100, 1, 1}, {1, 1000, 50, 1}, {3, 3000, 20, 2}, {1, 2000, 50, 3}, {10, 2000, 11, 4}} {
		for _, p := range []Policy{Larder, BatchOnly, SinglesOnly} {
			if o := Run(s, p); o.All < s.Bound() || o.Half > o.NinetyNine || o.NinetyNine > o.All {
				t.Errorf("%+v, %s: %+v, the bound is %v", s, p.Name, o, s.Bound())
			}
		}
	}
}

func TestWithoutACrowdLatencyIsAll(t *testing.T) {
	for _, n := range []int{1, 10, 20} {
		o := Run(Scenario{Functions: 1, Environments: 5, Secrets: n, Seed: 1}, Larder)
		if o.All != startUp+handshake+latency || o.Throttled != 0 {
			t.Errorf("%d secrets: %+v", n, o)
		}
	}
}

func TestQuotaIsKept(t *testing.T) {
	b := bucket{rate: 100, tokens: 100}
	passed := 0
	for now := time.Duration(0); now < 10*time.Second; now += time.Millisecond / 2 {
		if b.take(now) {
			passed++
		}
	}
	if passed != 100+1000-1 && passed != 100+1000 {
		t.Errorf("%d calls passed in ten seconds", passed)
	}
}

func TestBound(t *testing.T) {
	const soon = startUp + handshake + latency
	tests := []struct {
		name string
		s    Scenario
		want time.Duration
	}{
		{"within a second's worth", Scenario{Functions: 1, Environments: 1000, Secrets: 10}, soon},
		{"one secret each, ten times the burst", Scenario{Functions: 100, Environments: 100_000, Secrets: 1}, soon + 8901*time.Millisecond},
		{"as fast as the function may grow", Scenario{Functions: 1, Environments: 2000, Secrets: 1}, soon + 10*time.Second},
	}
	for _, test := range tests {
		if got := test.s.Bound(); (got - test.want).Abs() > time.Millisecond {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestMonth(t *testing.T) {
	costs := Month(1)
	if costs[0].Calls != 30*24*3600*5 || math.Abs(costs[0].Dollars-64.8) > 1e-9 {
		t.Errorf("without a cache: %+v", costs[0])
	}
	// One environment at a time, 360 of them, each of which asks every 301 s.
	if want := (360 + 2_592_000.0/301) * 5; math.Abs(costs[1].Calls-want) > 1e-6 {
		t.Errorf("AWS's extension's rules: %+v, want %v calls", costs[1], want)
	}
	for i, c := range Month(10_000) {
		if c.Calls < costs[i].Calls {
			t.Errorf("%s: more requests make fewer calls", c.Name)
		}
	}
}
