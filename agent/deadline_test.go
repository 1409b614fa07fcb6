package agent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestReadsEndByTheDeadline(t *testing.T) {
	tests := []struct {
		name    string
		set     []time.Duration // from now on; the second a second later
		backend time.Duration
		waited  time.Duration
		fails   bool
	}{
		{"a backend that is late", []time.Duration{3 * time.Second}, time.Minute, 3 * time.Second, true},
		{"one that is in time", []time.Duration{3 * time.Second}, 2 * time.Second, 2 * time.Second, false},
		{"a deadline that has passed", []time.Duration{-time.Second}, 5 * time.Second, 5 * time.Second, false},
		{"one that another invocation moves", []time.Duration{2 * time.Second, 6 * time.Second}, time.Minute, 7 * time.Second, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				f.slow(test.backend)
				source := f.source(time.Hour)
				source.Timeout = time.Hour
				c := open(t, agent.Config{Sources: sources(source)})
				c.SetDeadline(time.Now().Add(test.set[0]))
				time.AfterFunc(time.Second, func() {
					if len(test.set) > 1 {
						c.SetDeadline(time.Now().Add(test.set[1]))
					}
				})
				start := time.Now()
				if !test.fails {
					want(t, c, "a", "one", false)
				} else if e := wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable); e.Status != 504 || e.Hint == "" {
					t.Errorf("the error: %+v", e)
				}
				if waited := time.Since(start); waited != test.waited {
					t.Errorf("waited %v, want %v", waited, test.waited)
				}
				time.Sleep(time.Minute) // the call goes on for the next reader
				c.SetDeadline(time.Now())
				if reading := want(t, c, "a", "one", false); reading.Waited {
					t.Error("what came after the deadline was not kept")
				}
			})
		})
	}
}
