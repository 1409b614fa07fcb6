package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/larder-secrets/larder/extension/lambdatest"
)

// TestReadsDuringInit: the function reads in its own init, before the first
// invocation, and a healthy start prints nothing.
func TestReadsDuringInit(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"my-api-key": "abc123"}`), "LARDER_SECRETS", "my-api-key", "PROBE_INIT", "my-api-key")
	b := start(t, env, nil).init()
	answers := b.ask(request{AtInit: true}, request{Client: "my-api-key"}, request{Path: "/secret?name=my-api-key"})
	for i, a := range answers {
		if string(a.Body) != "abc123" {
			t.Errorf("read %d: %q", i, a.text())
		}
	}
	if out := b.lines(); out != nil {
		t.Errorf("printed on a healthy start:\n%s", strings.Join(out, "\n"))
	}
}

// TestUnavailableSecretDoesNotStopTheFunction: one warning, and the reason for
// whoever reads it.
func TestUnavailableSecretDoesNotStopTheFunction(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"here": "abc123"}`), "LARDER_SECRETS", "here gone maybe?")
	b := start(t, env, nil).init()
	answers := b.ask(request{Path: "/secret?name=here"}, request{Path: "/secret?name=gone"}, request{Client: "gone"})
	answers[0].expect(t, http.StatusOK, "abc123")
	answers[1].expect(t, http.StatusNotFound, "gone", env["LARDER_FILE"])
	if !strings.Contains(answers[2].Error, `"gone"`) {
		t.Errorf("the client's error does not name the secret: %s", answers[2].Error)
	}
	if out := b.printed(1); !strings.Contains(out[0], "warn") || !strings.Contains(out[0], "gone") {
		t.Errorf("want one warning that names the secret, got:\n%s", strings.Join(out, "\n"))
	}
}

func TestFailAtInit(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{}`), "LARDER_SECRETS", "gone maybe?", "LARDER_ON_INIT_FAILURE", "fail")
	b := start(t, env, nil)
	if _, err := b.Init(t.Context()); err == nil {
		t.Fatal("INIT succeeded")
	}
	expectError(t, b.exited(), "init/error", "Extension.PrefetchFailed", `"gone"`)
}

// TestTokenIsAskedFor: no token and a wrong one end in an answer that says what
// to do.
func TestTokenIsAskedFor(t *testing.T) {
	t.Parallel()
	b := start(t, secretsFile(t, `{"my-api-key": "abc123"}`), nil).init()
	none, wrong := "", "not the token"
	for _, a := range b.ask(
		request{Path: "/secret?name=my-api-key", Token: &none},
		request{Path: "/secret?name=my-api-key", Token: &wrong},
		request{Path: "/status", Token: &none},
		request{Path: "/secretsmanager/get?secretId=my-api-key", Token: &wrong},
	) {
		a.expect(t, http.StatusForbidden, "X-Aws-Parameters-Secrets-Token", "AWS_SESSION_TOKEN")
		if strings.Contains(a.text(), "abc123") {
			t.Error("the answer holds the value")
		}
	}
	b.ask(request{Path: "/ping", Token: &none})[0].expect(t, http.StatusOK, "healthy")
}

// TestSAMLocalWithoutToken: SAM local leaves AWS_SESSION_TOKEN empty.
func TestSAMLocalWithoutToken(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"my-api-key": "abc123"}`), "AWS_SAM_LOCAL", "true", "AWS_SESSION_TOKEN", "")
	b := start(t, env, nil).init()
	answers := b.ask(request{Path: "/secret?name=my-api-key"}, request{Client: "my-api-key"})
	answers[0].expect(t, http.StatusOK, "abc123")
	answers[1].expect(t, http.StatusOK, "abc123")
	if out := b.printed(1); !strings.Contains(out[0], "without") {
		t.Errorf("want one line that says so, got %q", out)
	}
}

// TestFileIsReread: a change in the file is seen without a restart.
func TestFileIsReread(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"my-api-key": "before"}`), "LARDER_SECRETS", "my-api-key")
	b := start(t, env, nil).init()
	b.read("/secret?name=my-api-key").expect(t, http.StatusOK, "before")
	if err := os.WriteFile(env["LARDER_FILE"], []byte(`{"my-api-key": "afterwards"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.read("/secret?name=my-api-key").expect(t, http.StatusOK, "afterwards")
}

// TestOtherFileName: some code looks for AWS's extension by its file's name.
func TestOtherFileName(t *testing.T) {
	t.Parallel()
	renamed := filepath.Join(t.TempDir(), "AWSParametersAndSecretsLambdaExtension")
	if err := os.Link(binary, renamed); err != nil {
		t.Skipf("no hard link to the binary: %v", err)
	}
	b := start(t, secretsFile(t, `{"my-api-key": "abc123"}`), func(c *lambdatest.Config) { c.Extensions = []string{renamed} }).init()
	b.read("/secret?name=my-api-key").expect(t, http.StatusOK, "abc123")
}

// TestEndsWithStatusZero: after SHUTDOWN, and on the signals that end a process.
func TestEndsWithStatusZero(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testing.T, *bench){
		"SHUTDOWN": func(t *testing.T, b *bench) {
			if err := b.Shutdown(t.Context(), "spindown"); err != nil {
				t.Error(err)
			}
		},
		"SIGTERM": func(_ *testing.T, b *bench) { syscall.Kill(b.Process("larder").PID, syscall.SIGTERM) },
		"SIGINT":  func(_ *testing.T, b *bench) { syscall.Kill(b.Process("larder").PID, syscall.SIGINT) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, secretsFile(t, `{"my-api-key": "abc123"}`), nil).init()
			b.read("/secret?name=my-api-key").expect(t, http.StatusOK)
			end(t, b)
			if p := b.exited(); p.ExitCode != 0 || p.Killed {
				t.Errorf("exit code %d, signal %v, killed %v:\n%s", p.ExitCode, p.Signal, p.Killed, p.Output)
			}
			if out := b.lines(); out != nil {
				t.Errorf("printed: %q", out)
			}
		})
	}
}

// TestFreeze: reads work after the environment has been stopped and continued.
func TestFreeze(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"my-api-key": "abc123"}`), "LARDER_SECRETS", "my-api-key")
	b := start(t, env, func(c *lambdatest.Config) { c.Freeze = true }).init()
	for range 3 {
		b.ask(request{Client: "my-api-key"})[0].expect(t, http.StatusOK, "abc123")
	}
}

// TestManagedInstances: INVOKE is refused, SHUTDOWN is asked for alone, and
// invocations are concurrent.
func TestManagedInstances(t *testing.T) {
	t.Parallel()
	env := with(secretsFile(t, `{"my-api-key": "abc123"}`), "LARDER_SECRETS", "my-api-key")
	b := start(t, env, func(c *lambdatest.Config) { c.ManagedInstances, c.Concurrency = true, 8 }).init()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			response, err := b.Invoke(t.Context(), []byte(`[{"Client": "my-api-key"}]`))
			if err != nil || response.FunctionError != "" || !strings.Contains(string(response.Payload), `"Status":200`) {
				t.Errorf("%v, %+v", err, response)
			}
		})
	}
	all.Wait()
	if err := b.Shutdown(t.Context(), "spindown"); err != nil {
		t.Error(err)
	}
	if p := b.exited(); p.ExitCode != 0 || p.Killed {
		t.Errorf("exit code %d, killed %v:\n%s", p.ExitCode, p.Killed, p.Output)
	}
}
