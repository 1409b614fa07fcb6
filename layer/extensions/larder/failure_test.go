package main

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// expectError fails unless the process told Lambda of an error and exited with
// status 1.
func expectError(t *testing.T, p lambdatest.Process, path, kind string, texts ...string) {
	t.Helper()
	if p.ExitCode != 1 {
		t.Errorf("exit code %d, want 1", p.ExitCode)
	}
	if len(p.Errors) != 1 {
		t.Fatalf("%d errors were posted, want one: %+v", len(p.Errors), p.Errors)
	}
	if e := p.Errors[0]; e.Path != path || e.Type != kind {
		t.Errorf("posted %s to %s, want %s to %s", e.Type, e.Path, kind, path)
	}
	for _, text := range texts {
		if !strings.Contains(p.Errors[0].Message, text) {
			t.Errorf("the message lacks %q: %s", text, p.Errors[0].Message)
		}
		if !strings.Contains(p.Output, text) {
			t.Errorf("the output lacks %q:\n%s", text, p.Output)
		}
	}
}

// TestWhatEndsInit: each ends in /init/error and a clear line for each mistake.
func TestWhatEndsInit(t *testing.T) {
	t.Parallel()
	take := func(address string) func(*testing.T, map[string]string) {
		return func(t *testing.T, env map[string]string) {
			l, err := net.Listen("tcp", net.JoinHostPort(address, env["LARDER_PORT"]))
			if err != nil {
				t.Skipf("cannot listen on %s: %v", address, err)
			}
			t.Cleanup(func() { l.Close() })
		}
	}
	tests := []struct {
		name    string
		env     []string
		prepare func(*testing.T, map[string]string)
		kind    string
		lines   int
		texts   []string
	}{
		{
			name: "port taken", prepare: take("127.0.0.1"),
			kind: "Extension.PortUnavailable", lines: 1, texts: []string{"127.0.0.1", "taken", "LARDER_PORT"},
		},
		{
			name: "port taken on the other loopback address", prepare: take("::1"),
			kind: "Extension.PortUnavailable", lines: 1, texts: []string{"[::1]", "taken", "LARDER_PORT"},
		},
		{
			name: "malformed variables, all together",
			env:  []string{"LARDER_TTL", "soon", "LARDER_BATCH", "maybe", "LARDER_CACHE_SIZE", "-1", "SECRETS_MANAGER_TTL", "x"},
			kind: "Extension.ConfigInvalid", lines: 4,
			texts: []string{`LARDER_TTL: "soon"`, `LARDER_BATCH: "maybe"`, `LARDER_CACHE_SIZE: "-1"`, `SECRETS_MANAGER_TTL: "x"`},
		},
		{
			name: "unknown scheme", env: []string{"LARDER_SECRETS", "vault:kv/db"},
			kind: "Extension.ConfigInvalid", lines: 1, texts: []string{"LARDER_SECRETS", `"vault"`, "aws, file"},
		},
		{
			name: "an IAM pattern for an ARN", env: []string{"LARDER_SECRETS", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????"},
			kind: "Extension.ConfigInvalid", lines: 1, texts: []string{"LARDER_SECRETS", "IAM pattern"},
		},
		{
			name: "no token", env: []string{"AWS_SESSION_TOKEN", ""},
			kind: "Extension.TokenMissing", lines: 1, texts: []string{"AWS_SESSION_TOKEN", "AWS_TOKEN"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := with(secretsFile(t, `{}`), append([]string{"LARDER_PORT", agenttest.Port(t)}, test.env...)...)
			if test.prepare != nil {
				test.prepare(t, env)
			}
			b := start(t, env, nil)
			if _, err := b.Init(t.Context()); err == nil {
				t.Fatal("INIT succeeded")
			}
			p := b.exited()
			expectError(t, p, "init/error", test.kind, test.texts...)
			if out := b.lines(); len(out) != test.lines {
				t.Errorf("%d lines, want %d:\n%s", len(out), test.lines, p.Output)
			}
		})
	}
}

// TestExtensionsAPIRefuses: nobody can be told, so that the line is all there is.
func TestExtensionsAPIRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, secretsFile(t, `{}`), func(c *lambdatest.Config) {
		c.RefuseRegister = &lambdatest.Refusal{Status: http.StatusInternalServerError, ErrorType: "Extension.Broken", ErrorMessage: "come back later"}
	})
	if _, err := b.Init(t.Context()); err == nil {
		t.Fatal("INIT succeeded")
	}
	expectLine(t, b, "Extensions API", "/register", "500", "come back later")
}

// TestExtensionsAPIGone: the API vanishes while the extension waits for an event.
func TestExtensionsAPIGone(t *testing.T) {
	t.Parallel()
	b := start(t, secretsFile(t, `{"my-api-key": "abc123"}`), nil).init()
	b.read("/secret?name=my-api-key").expect(t, http.StatusOK)
	b.StopAPI()
	expectLine(t, b, "Extensions API", "/event/next")
}

// expectLine fails unless the extension ended with status 1 after one line.
func expectLine(t *testing.T, b *bench, texts ...string) {
	t.Helper()
	if p := b.exited(); p.ExitCode != 1 {
		t.Errorf("exit code %d, want 1", p.ExitCode)
	}
	out := b.lines()
	if len(out) != 1 || !strings.HasPrefix(out[0], "larder: error: ") {
		t.Fatalf("want one line, got:\n%s", strings.Join(out, "\n"))
	}
	for _, text := range texts {
		if !strings.Contains(out[0], text) {
			t.Errorf("the line lacks %q: %s", text, out[0])
		}
	}
}

// TestBackendOutOfReach: the function starts, one warning says why, and so does
// the read.
func TestBackendOutOfReach(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		env    []string
		unset  []string
		status int
		texts  []string
	}{
		{
			name: "connection refused", env: []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"},
			status: http.StatusBadGateway, texts: []string{"my-api-key", "127.0.0.1:1", "refused", "AWS_ENDPOINT_URL"},
		},
		{
			name: "credentials missing", unset: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
			env:    []string{"AWS_ENDPOINT_URL", "http://127.0.0.1:1"},
			status: http.StatusBadGateway, texts: []string{"my-api-key", "no AWS credentials", "execution role"},
		},
		{
			name: "endpoint in clear", env: []string{"AWS_ENDPOINT_URL", "http://secrets.example.com"},
			status: http.StatusBadRequest, texts: []string{"my-api-key", "secrets.example.com", "LARDER_INSECURE_ENDPOINT"},
		},
		{
			name: "region missing", unset: []string{"AWS_REGION", "AWS_DEFAULT_REGION"},
			status: http.StatusBadRequest, texts: []string{"my-api-key", "AWS_REGION"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := with(map[string]string{"LARDER_SECRETS": "my-api-key", "LARDER_LOG_LEVEL": "warn"}, test.env...)
			b := start(t, env, func(c *lambdatest.Config) { c.Unset = test.unset }).init()
			b.read("/secret?name=my-api-key").expect(t, test.status, test.texts...)
			out := b.printed(1)
			for _, text := range test.texts {
				if !strings.Contains(out[0], text) {
					t.Errorf("the warning lacks %q: %s", text, out[0])
				}
			}
		})
	}
}
