package secretsmanager_test

import (
	"context"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// attempt is what one attempt may take.
const attempt = 2 * time.Second

func TestHangs(t *testing.T) {
	cases := []struct {
		name     string
		patience time.Duration // of who asks; 0: no end
		hang     func(agenttest.Call) agenttest.Fault
		atLeast  time.Duration
		atMost   time.Duration
		calls    int
		served   bool
	}{
		{"always", 3 * time.Second, func(agenttest.Call) agenttest.Fault { return agenttest.Hang(nil) }, 3 * time.Second, 2 * attempt, 2, false},
		{"once", 0, func(c agenttest.Call) agenttest.Fault {
			if c.Number == 1 {
				return agenttest.Hang(nil)
			}
			return nil
		}, attempt, 2 * attempt, 2, true},
		{"longer than who asks waits", 300 * time.Millisecond, func(agenttest.Call) agenttest.Fault { return agenttest.Hang(nil) }, 300 * time.Millisecond, attempt, 1, false},
		{"slowly", 0, func(agenttest.Call) agenttest.Fault { return agenttest.Delay(200 * time.Millisecond) }, 200 * time.Millisecond, attempt, 1, true},
	}
	var tests group
	for _, test := range cases {
		aws := agenttest.NewAWS(t)
		aws.Put("a", planted)
		aws.On(single, test.hang)
		s := open(t, aws.URL)
		tests.run(t, test.name, func(t *testing.T) {
			start := time.Now()
			ctx := t.Context()
			if test.patience > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.patience)
				defer cancel()
			}
			r := s.fetch(ctx, t, named("a"))[0]
			if took := time.Since(start); took < test.atLeast || took > test.atMost {
				t.Errorf("it took %v, want %v to %v", took, test.atLeast, test.atMost)
			}
			if test.served && r.Err != nil {
				t.Errorf("not served: %v", r.Err)
			}
			if !test.served {
				wantError(t, named("a"), r, agent.Unavailable, "Timeout")
			}
			wantCalls(t, aws.Server, map[string]int{single: test.calls})
		})
	}
	tests.Wait()
}

// TestCancelled: a call that hangs ends with its caller.
func TestCancelled(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 45)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	aws.On(single, func(agenttest.Call) agenttest.Fault {
		cancel()
		return agenttest.Hang(nil)
	})
	start := time.Now()
	for i, r := range open(t, aws.URL, never).fetch(ctx, t, refs...) {
		wantError(t, refs[i], r, agent.Unavailable, "Canceled")
	}
	if took := time.Since(start); took > attempt {
		t.Errorf("it took %v", took)
	}
}

// TestMaxConnections: no more calls are under way, and no more connections open,
// than may be; and as many are.
func TestMaxConnections(t *testing.T) {
	for _, most := range []int{1, 3, 8} {
		aws := agenttest.NewAWS(t)
		refs := put(aws, 45)
		aws.Always(single, agenttest.Together(most))
		s := open(t, aws.URL, never, func(c *secretsmanager.Config) { c.MaxConnections = most })
		s.wantMany(t, refs)
		made, open := aws.Connections()
		if running := aws.MostRunning(); running != most || open > most || made > most {
			t.Errorf("with at most %d: %d calls at once, %d connections made and %d open at once", most, running, made, open)
		}
	}
}
