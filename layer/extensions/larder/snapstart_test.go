package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// snapStart starts the extension under SnapStart, where credentials come from the
// container's endpoint, with a clock that can be moved.
func snapStart(t *testing.T, aws *agenttest.AWS, env ...string) *bench {
	t.Helper()
	vars := agenttest.Environment(aws.URL)
	maps.DeleteFunc(vars, func(name, _ string) bool { return name == "AWS_ACCESS_KEY_ID" || name == "AWS_SECRET_ACCESS_KEY" })
	return start(t, with(vars, append([]string{"LARDER_SECRETS", "a", "LARDER_LOG_LEVEL", "warn"}, env...)...), func(c *lambdatest.Config) {
		c.SnapStart = true
		c.Extensions = []string{movable()}
	})
}

// keys returns the access keys that calls were signed with.
func keys(aws *agenttest.AWS) []string {
	var keys []string
	for _, call := range aws.Calls("GetSecretValue") {
		keys = append(keys, call.AccessKey)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// TestRestore: nothing is fetched for the snapshot, nor a connection made, and
// the first invocation of a restored one, a day later, begins with its own
// credentials.
func TestRestore(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "old")
	b := snapStart(t, aws).init()
	if calls, opened := aws.Operations(), connections(aws); len(calls) != 0 || opened != 0 {
		t.Errorf("before the snapshot: calls %v over %d connections", calls, opened)
	}
	aws.Put("a", "new")
	if err := b.Restore(t.Context(), lambdatest.RestoreOptions{ClockJump: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		a := b.read("/secret?name=a")
		a.expect(t, http.StatusOK, "new")
		if a.Header.Get("Larder-Stale") != "" {
			t.Errorf("stale: %v", a.Header)
		}
	}
	if got := keys(aws); !slices.Equal(got, []string{"local-access-key-id-2"}) {
		t.Errorf("calls were signed with %v, want those of the restore alone", got)
	}
	// A read may come a moment before the extension learns of the invocation.
	if n := aws.Operations()["GetSecretValue"]; n > 2 {
		t.Errorf("%d calls in three invocations", n)
	}
	if out := b.lines(); out != nil {
		t.Errorf("printed: %v", out)
	}
}

// TestRestoreOfPrefetched: where the snapshot holds values on purpose, a restored
// one serves none of them, nor does it use the credentials or the connections of
// then.
func TestRestoreOfPrefetched(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "old")
	b := snapStart(t, aws, "LARDER_SNAPSTART_PREFETCH", "true").init()
	if got := keys(aws); !slices.Equal(got, []string{"local-access-key-id-1"}) {
		t.Errorf("the prefetch was signed with %v", got)
	}
	then := aws.Calls("GetSecretValue")[0].Connection
	aws.Put("a", "new")
	aws.Forget()
	if err := b.Restore(t.Context(), lambdatest.RestoreOptions{ClockJump: 14 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.read("/secret?name=a").expect(t, http.StatusOK, "new")
	}
	if got := keys(aws); !slices.Equal(got, []string{"local-access-key-id-2"}) {
		t.Errorf("calls were signed with %v, want those of the restore alone", got)
	}
	for _, call := range aws.Calls("GetSecretValue") {
		if call.Connection == then {
			t.Error("a call went over a connection of before the snapshot")
		}
	}
}

// TestSnapStart: nothing is fetched for the snapshot, a read at INIT is served
// and warned of, and the first invocation begins anew.
func TestSnapStart(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("a", "old")
	env := with(agenttest.Environment(aws.URL), "AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start", "LARDER_SECRETS", "a", "PROBE_INIT", "a", "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, nil).init()
	if out := b.printed(1); !strings.Contains(out[0], "snapshot") {
		t.Errorf("the warning: %s", out[0])
	}
	if got := aws.Operations(); got["GetSecretValue"] != 1 {
		t.Errorf("calls at INIT: %v, want the probe's alone", got)
	}
	aws.Put("a", "new")
	answers := b.ask(request{AtInit: true}, request{Path: "/secret?name=a"}, request{Path: "/secret?name=a"})
	answers[0].expect(t, http.StatusOK, "old")
	answers[1].expect(t, http.StatusOK, "new")
	// The function's read may come a moment before the extension learns of the
	// invocation, and then makes a call of its own.
	if got := aws.Operations()["GetSecretValue"]; got < 2 || got > 3 {
		t.Errorf("%d calls, want one or two more, by the first invocation", got)
	}
}

func connections(aws *agenttest.AWS) int {
	made, _ := aws.Connections()
	return made
}
