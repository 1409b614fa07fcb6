package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// TestHungBackendNeverCostsAnInvocation: no invocation times out that would not
// have without the extension, be the function's timeout short, and whether its
// handler reads what is held or nothing. It is not parallel to other tests, and
// the binary is the one that is shipped: a timeout of one second leaves the
// extension 200 ms to go back to waiting.
func TestHungBackendNeverCostsAnInvocation(t *testing.T) {
	const during = 6 * time.Second // several back-offs, and hundreds of invocations
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprintf("secret-%02d", i)
	}
	var reads []request
	for _, name := range names {
		reads = append(reads, request{Path: "/secret?name=" + name})
	}
	for _, timeout := range []time.Duration{time.Second, 3 * time.Second} {
		for _, handler := range []struct {
			name     string
			requests []request
		}{{"reads ten held secrets", reads}, {"reads nothing", []request{}}} {
			t.Run(fmt.Sprintf("%v, %s", timeout, handler.name), func(t *testing.T) {
				t.Parallel()
				aws := agenttest.NewAWS(t)
				for _, name := range names {
					aws.Put(name, "value of "+name)
				}
				env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", strings.Join(names, " "), "LARDER_TTL", "1s", "LARDER_LOG_LEVEL", "warn")
				b := start(t, env, func(c *lambdatest.Config) {
					c.Timeout = timeout
					c.Extensions = []string{shipped()}
				}).init()
				b.ask(reads...) // so that they will be refreshed
				aws.Forget()
				aws.Always("", agenttest.Hang(nil))
				begin := time.Now()
				var worst time.Duration
				invocations, stale := 0, 0
				for ; time.Since(begin) < during; invocations++ {
					answers, total := b.punctual(handler.requests)
					worst = max(worst, total)
					for i, a := range answers {
						a.expect(t, http.StatusOK, "value of "+names[i])
						if a.Header.Get("Larder-Stale") == "true" {
							stale++
						}
					}
				}
				calls := len(aws.Calls("")) // for all secrets, and then for one after each back-off
				t.Logf("%d invocations, the longest of %v; %d stale values; %d calls; %d lines", invocations, worst.Round(time.Millisecond), stale, calls, len(b.lines()))
				if calls < len(names) {
					t.Errorf("%d calls that hang: this test proves nothing", calls)
				}
				if len(handler.requests) > 0 && stale == 0 {
					t.Error("no value was stale: this test proves nothing")
				}
				if p := b.Process("larder"); p.Environment != 1 {
					t.Errorf("the environment was reset: it is number %d", p.Environment)
				}
				if out := b.lines(); len(out) > 1 { // none, while the first calls are still being retried
					t.Errorf("want one line at most, got:\n%s", strings.Join(out, "\n"))
				}
			})
		}
	}
}

// punctual invokes the probe, which must answer, and after which the extension
// must be back before the deadline.
func (b *bench) punctual(requests []request) ([]answer, time.Duration) {
	b.t.Helper()
	answers, response := b.invoke(requests)
	if response.Fault != nil {
		b.t.Fatalf("after %v of %v: %v\n%s", response.Duration, response.Total, response.Fault, b.Output("larder"))
	}
	return answers, response.Total
}
