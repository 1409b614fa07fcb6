package scale

import (
	"math"
	"testing"
	"time"
)

func TestMonth(t *testing.T) {
	standard := Function{Rate: 1, Handled: 100 * time.Millisecond, Lifetime: 2 * time.Hour, Secrets: 5, TTL: 300 * time.Second}
	busy, many := standard, standard
	busy.Rate = 100
	many.Secrets = 50
	for _, test := range []struct {
		name string
		f    Function
		want [3]float64
	}{
		// One environment at a time, 360 of them in a month. Of AWS's extension's
		// each asks every 301 s, 24 times. Of Larder's it is due after 245 s, so
		// that it asks every 246 s, 30 times.
		{"one request a second", standard, [3]float64{12_960_000, 360 * 24 * 5, 360 * 30 * 5}},
		// Ten environments of ten requests a second each: every 300.1 and 245.1 s.
		{"a hundred", busy, [3]float64{1_296_000_000, 3600 * 24 * 5, 3600 * 30 * 5}},
		// Three batches, every 241 s.
		{"many secrets", many, [3]float64{129_600_000, 360 * 24 * 50, 360 * 30 * 3}},
	} {
		for i, c := range test.f.Month() {
			if c.Calls != test.want[i] || math.Abs(c.Dollars-c.Calls*5e-6) > 1e-9 {
				t.Errorf("%s, %s: %+v, want %v calls", test.name, c.Name, c, test.want[i])
			}
		}
	}
	if c := Month(1)[0]; math.Abs(c.Dollars-64.8) > 1e-9 {
		t.Errorf("without a cache: %+v", c)
	}
}
