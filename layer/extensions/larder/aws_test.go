package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// TestDeniedSecretSaysWhichPermission: prefetch goes on without it, one warning
// and the read name the secret and the permission.
func TestDeniedSecretSaysWhichPermission(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, code, message, permission string }{
		{
			"by the role", "AccessDeniedException",
			"User: arn:aws:sts::123456789012:assumed-role/app/f is not authorized to perform: secretsmanager:GetSecretValue on resource: denied because no identity-based policy allows the action",
			"secretsmanager:GetSecretValue",
		},
		{"by the key", "AccessDeniedException", "Access to KMS is not allowed", "kms:Decrypt"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			aws := agenttest.NewAWS(t)
			aws.Put("allowed", "abc123")
			aws.Put("denied", "never seen")
			aws.Refuse("denied", test.code, test.message)
			env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", "allowed denied", "LARDER_LOG_LEVEL", "warn")
			b := start(t, env, nil).init()
			answers := b.ask(request{Path: "/secret?name=allowed"}, request{Path: "/secret?name=denied"}, request{Path: "/secretsmanager/get?secretId=denied"}, request{Client: "denied"})
			answers[0].expect(t, http.StatusOK, "abc123")
			answers[1].expect(t, http.StatusForbidden, "denied", test.permission)
			answers[2].expect(t, http.StatusBadRequest, "denied", test.permission, `"__type":"`+test.code)
			if !strings.Contains(answers[3].Error, test.permission) {
				t.Errorf("the client's error: %s", answers[3].Error)
			}
			if out := b.printed(1); !strings.Contains(out[0], "denied") || !strings.Contains(out[0], test.permission) {
				t.Errorf("want one warning, got:\n%s", strings.Join(out, "\n"))
			}
		})
	}
}

// TestBatchNotPermitted: a role without BatchGetSecretValue still gets all, and
// one line says which permission would help.
func TestBatchNotPermitted(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Always("BatchGetSecretValue", agenttest.Refuse(http.StatusBadRequest, "AccessDeniedException", "not authorized"))
	names := make([]string, 45)
	for i := range names {
		names[i] = fmt.Sprintf("secret-%02d", i)
		aws.Put(names[i], "value of "+names[i])
	}
	env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", strings.Join(names, ","), "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, nil).init()
	if got := aws.Operations(); got["GetSecretValue"] != 45 || got["BatchGetSecretValue"] != 3 {
		t.Errorf("calls: %v", got)
	}
	aws.Forget()
	var requests []request
	for _, name := range names {
		requests = append(requests, request{Path: "/secret?name=" + name})
	}
	for i, a := range b.ask(requests...) {
		a.expect(t, http.StatusOK, "value of "+names[i])
	}
	if got := aws.Operations(); len(got) != 0 {
		t.Errorf("calls by reads: %v", got)
	}
	if out := b.printed(1); !strings.Contains(out[0], "secretsmanager:BatchGetSecretValue") {
		t.Errorf("want one warning that names the permission, got:\n%s", strings.Join(out, "\n"))
	}
}

// TestReadWaitsForPrefetch: a read during INIT of a secret that is on its way
// waits for it, and makes no call of its own.
func TestReadWaitsForPrefetch(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewTLSAWS(t)
	aws.Put("slow", "abc123")
	release := make(chan struct{})
	aws.Always("GetSecretValue", agenttest.Hang(release))
	env := with(agenttest.Environment(aws.URL), "AWS_CA_BUNDLE", aws.CAFile(t), "LARDER_SECRETS", "slow", "PROBE_INIT", "slow", "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, nil)
	go func() {
		defer close(release)
		for t.Context().Err() == nil && b.Process("function").PID == 0 { // it asks before anything else
			runtime.Gosched()
		}
	}()
	b.init()
	b.ask(request{AtInit: true})[0].expect(t, http.StatusOK, "abc123")
	if got := aws.Operations(); got["GetSecretValue"] != 1 {
		t.Errorf("calls: %v", got)
	}
	if out := b.lines(); out != nil {
		t.Errorf("printed:\n%s", strings.Join(out, "\n"))
	}
}

// TestHungBackend: it holds up neither INIT nor an invocation for longer than
// their budgets, and what is held stands in for it.
func TestHungBackend(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("held", "abc123")
	aws.Put("hung", "never seen")
	hang := agenttest.Hang(nil)
	aws.On("GetSecretValue", func(c agenttest.Call) agenttest.Fault {
		if c.IDs[0] == "hung" {
			return hang
		}
		return nil
	})
	env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", "held hung", "LARDER_LOG_LEVEL", "warn",
		"LARDER_TTL", "50ms", "LARDER_INIT_TIMEOUT", "100ms", "LARDER_REFRESH_TIMEOUT", "100ms", "LARDER_REFRESH_WAIT", "10ms")
	b := start(t, env, nil).init()
	if out := b.printed(1); !strings.Contains(out[0], "LARDER_INIT_TIMEOUT") {
		t.Errorf("want one warning that the prefetch goes on, got:\n%s", strings.Join(out, "\n"))
	}
	b.read("/secret?name=held").expect(t, http.StatusOK, "abc123")
	aws.Always("GetSecretValue", hang)
	eventually(t, "the held value is served as stale", func() bool {
		a := b.read("/secret?name=held")
		a.expect(t, http.StatusOK, "abc123")
		return a.Header.Get("Larder-Stale") == "true"
	})
}

// TestShutdownTellsWhoWaits: a reader that waits for a hung backend gets an
// answer that says so, and the process ends in time.
func TestShutdownTellsWhoWaits(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Put("hung", "never seen")
	aws.Always("GetSecretValue", agenttest.Hang(nil))
	env := with(agenttest.Environment(aws.URL), "LARDER_LOG_LEVEL", "warn")
	b := start(t, env, nil).init()
	answer := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+b.port+"/secret?name=hung", nil)
		if err != nil {
			answer <- err.Error()
			return
		}
		req.Header.Set("X-Aws-Parameters-Secrets-Token", "local-session-token")
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- resp.Status + " " + string(body)
	}()
	eventually(t, "the backend is asked", func() bool { return aws.Operations()["GetSecretValue"] > 0 })
	if err := b.Shutdown(t.Context(), "spindown"); err != nil {
		t.Error(err)
	}
	if got := <-answer; !strings.HasPrefix(got, "503 ") || !strings.Contains(got, "cancelled") {
		t.Errorf("the reader got %s", got)
	}
	if p := b.exited(); p.ExitCode != 0 || p.Killed {
		t.Errorf("exit code %d, killed %v:\n%s", p.ExitCode, p.Killed, p.Output)
	}
}

// TestReadEndsBeforeTheInvocation: of a secret that is not held and a backend that
// hangs, the function is told in time to say so.
func TestReadEndsBeforeTheInvocation(t *testing.T) {
	t.Parallel()
	aws := agenttest.NewAWS(t)
	aws.Always("GetSecretValue", agenttest.Hang(nil))
	env := with(agenttest.Environment(aws.URL), "LARDER_LOG_LEVEL", "error")
	b := start(t, env, func(c *lambdatest.Config) { c.Timeout = 2 * time.Second }).init()
	b.read("/ping").expect(t, http.StatusOK, "healthy")
	b.read("/secret?name=hung").expect(t, http.StatusGatewayTimeout, "hung", "about to time out")
}
