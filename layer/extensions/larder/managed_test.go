package main

import (
	"net/http"
	"sync"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// TestManagedInstancesRefreshByTimer: no invocation is announced there.
func TestManagedInstancesRefreshByTimer(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "old")
	env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", "a", "LARDER_TTL", "1s", "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, func(c *lambdatest.Config) { c.ManagedInstances = true }).init()
	b.read("/secret?name=a").expect(t, http.StatusOK, "old")
	aws.Put("a", "new")
	eventually(t, "the timer asks again", func() bool { return aws.Operations()["GetSecretValue"] > 1 })
	eventually(t, "the new value is served", func() bool { return string(b.read("/secret?name=a").Body) == "new" })
}

// TestManagedInstancesConcurrently: 64 invocations at once share one call for
// each secret.
func TestManagedInstancesConcurrently(t *testing.T) {
	t.Parallel()
	const invocations = 64
	aws := agenttest.NewAWS(t)
	names := []string{"a", "b", "c"}
	var requests []request
	for _, name := range names {
		aws.Put(name, "value of "+name)
		requests = append(requests, request{Path: "/secret?name=" + name})
	}
	release := make(chan struct{})
	aws.Always("GetSecretValue", agenttest.Hang(release))
	env := with(agenttest.Environment(aws.URL), "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, func(c *lambdatest.Config) {
		c.ManagedInstances = true
		c.Concurrency = invocations
	}).init()
	var all sync.WaitGroup
	for range invocations {
		all.Go(func() {
			for i, a := range b.ask(requests...) {
				a.expect(t, http.StatusOK, "value of "+names[i])
			}
		})
	}
	eventually(t, "the backend is asked", func() bool { return aws.Operations()["GetSecretValue"] > 0 })
	close(release)
	all.Wait()
	if n := aws.Operations()["GetSecretValue"]; n != len(names) {
		t.Errorf("%d calls for %d secrets", n, len(names))
	}
}
