package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// freezing starts the extension, which stands still between invocations, with a
// clock that can be moved.
func freezing(t *testing.T, aws *agenttest.AWS, env ...string) *bench {
	t.Helper()
	return start(t, with(agenttest.Environment(aws.URL), append([]string{"LARDER_SECRETS", "a", "LARDER_LOG_LEVEL", "warn"}, env...)...), func(c *lambdatest.Config) {
		c.Freeze = true
		c.Extensions = []string{movable()}
	})
}

func (b *bench) shift(d time.Duration) {
	b.t.Helper()
	if err := b.ShiftClock(d); err != nil {
		b.t.Fatal(err)
	}
}

// TestThaw: after a freeze the clock on the wall counts, and the connections are
// dead: one call, made again at once, brings what is current.
func TestThaw(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		shift time.Duration
		calls int
		value string
	}{
		{"within the TTL", 4 * time.Minute, 0, "old"},
		{"past the TTL", 10 * time.Minute, 1, "new"},
		{"past LARDER_MAX_STALE", 3 * time.Hour, 1, "new"},
		{"with the clock set back", -time.Hour, 1, "new"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			aws := agenttest.NewAWS(t)
			aws.Put("a", "old")
			b := freezing(t, aws, "LARDER_REFRESH_WAIT", "10s").init() // patient, for a slow machine
			b.read("/secret?name=a").expect(t, http.StatusOK, "old")
			aws.Put("a", "new")
			aws.CloseIdle()
			aws.Forget()
			b.shift(test.shift)
			a := b.read("/secret?name=a")
			a.expect(t, http.StatusOK, test.value)
			if a.Header.Get("Larder-Stale") != "" {
				t.Errorf("stale: %v", a.Header)
			}
			if n := aws.Operations()["GetSecretValue"]; n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
			if out := b.lines(); out != nil {
				t.Errorf("printed: %v", out)
			}
		})
	}
}

// TestThawIntoAnOutage: what is held stands in, until LARDER_MAX_STALE.
func TestThawIntoAnOutage(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "old")
	b := freezing(t, aws, "LARDER_MAX_STALE", "1h", "LARDER_REFRESH_TIMEOUT", "10s").init()
	b.read("/secret?name=a").expect(t, http.StatusOK, "old")
	aws.Always("GetSecretValue", agenttest.Reset())
	b.shift(time.Hour)
	a := b.read("/secret?name=a")
	a.expect(t, http.StatusOK, "old")
	if a.Header.Get("Larder-Stale") != "true" {
		t.Errorf("not marked stale: %v", a.Header)
	}
	b.shift(10 * time.Minute)
	b.read("/secret?name=a").expect(t, http.StatusServiceUnavailable, "LARDER_MAX_STALE (1h0m0s)")
	aws.On("GetSecretValue", nil)
	b.shift(time.Minute) // longer than any back-off
	b.read("/secret?name=a").expect(t, http.StatusOK, "old")
}

// TestFreezeWithinACall: a call that a freeze has cut off is made again once the
// process goes on, and its reader gets the value.
func TestFreezeWithinACall(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "one")
	release := make(chan struct{})
	aws.On("GetSecretValue", func(c agenttest.Call) agenttest.Fault {
		if c.Number == 1 {
			return agenttest.Hang(release)
		}
		return nil
	})
	b := freezing(t, aws, "LARDER_SECRETS", "").init()
	got := make(chan answer)
	go func() { got <- b.read("/secret?name=a") }()
	eventually(t, "the backend is asked", func() bool { return aws.Operations()["GetSecretValue"] == 1 })
	b.Freeze()
	aws.CloseIdle()
	b.shift(time.Minute)
	b.Thaw()
	(<-got).expect(t, http.StatusOK, "one")
	close(release)
	if n := aws.Operations()["GetSecretValue"]; n != 2 {
		t.Errorf("%d calls, want the one that was cut off and another", n)
	}
}
