package server_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

func TestStatus(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", planted)
	r.get("/secret?name=a")
	r.get("/secret?name=a")
	r.get("/secret?name=none")
	a := r.get("/status")
	var status struct {
		Version, Backend string
		Connections      int
		Counts           agent.Counts
		Secrets          []agent.Held
		Failed           []agent.HeldFailed
	}
	if err := json.Unmarshal([]byte(a.body), &status); err != nil || a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d %s: %v", a.StatusCode, a.body, err)
	}
	if status.Version != agent.Version || status.Backend != "aws" || status.Connections < 1 || len(status.Secrets) != 1 || len(status.Failed) != 1 ||
		status.Counts != (agent.Counts{Hits: 1, Misses: 1, Failures: 1}) {
		t.Errorf("status = %+v", status)
	}
	if strings.Contains(a.body, planted) || strings.Contains(a.body, token) {
		t.Errorf("the status shows a value or the token: %s", a.body)
	}
}

func TestPanicOfABackend(t *testing.T) {
	r := start(t, nil)
	r.store.on(named("a"), func(context.Context) agent.Result { panic(planted) })
	a := r.get("/secret?name=a")
	a.want(t, 502, "NoAnswer")
	if strings.Contains(a.body, planted) {
		t.Errorf("the answer shows what was panicked with: %s", a.body)
	}
	r.store.put("b", "one")
	r.get("/secret?name=b").want(t, 200, "one")
}

// panicky is an error whose text cannot be had, so that the handler panics.
type panicky struct{ cause *agent.Error }

func (panicky) Error() string   { panic(planted) }
func (p panicky) Unwrap() error { return p.cause }

func TestPanicOfAHandler(t *testing.T) {
	r := start(t, func(c *agent.Config, _ *server.Config) { c.Log = nil })
	for _, id := range []string{"a", "c"} {
		r.store.on(named(id), func(context.Context) agent.Result {
			return agent.Result{Err: panicky{&agent.Error{Kind: agent.Denied, Message: "m"}}}
		})
	}
	r.store.put("b", "one")
	a := r.get("/secret?name=a")
	a.want(t, 500, "InternalFailure")
	if strings.Contains(a.body, planted) || strings.Contains(a.body, "goroutine") {
		t.Errorf("the answer shows what was panicked with: %s", a.body)
	}
	r.get("/secretsmanager/get?secretId=c").want(t, 500, `"__type":"InternalFailure"`)
	r.get("/secret?name=b").want(t, 200, "one")
	r.Shutdown(t.Context())
	if !strings.Contains(r.log.String(), "a request handler panicked") || !strings.Contains(r.log.String(), "panic_type=string") {
		t.Errorf("the log does not tell of the panic: %s", r.log)
	}
}
