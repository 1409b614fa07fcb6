package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// binary is the sidecar, as built from the module's main.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "larder")
	if out, err := exec.Command("go", "build", "-o", binary, "../..").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// home is a user's home directory, with the port of an agent of theirs.
type home struct {
	t    *testing.T
	dir  string
	port string
}

func newHome(t *testing.T, secrets string) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), port: agenttest.Port(t)}
	if secrets != "" {
		h.write(secrets)
	}
	return h
}

func (h *home) file() string { return filepath.Join(h.dir, ".wing", "secrets.json") }

func (h *home) token() string { return filepath.Join(h.dir, ".larder", "run", "token-"+h.port) }

func (h *home) write(secrets string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.file()), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.file(), []byte(secrets), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append([]string{"HOME=" + h.dir, "LARDER_PORT=" + h.port, "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// run runs a command to its end.
func (h *home) run(env []string, args ...string) (status int, stdout, stderr string) {
	h.t.Helper()
	var out, errs bytes.Buffer
	cmd := h.command(env, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// agent is a running `larder serve`.
type agent struct {
	cmd    *exec.Cmd
	ended  chan error
	output *output
}

// serve starts an agent and waits until it answers.
func (h *home) serve(env ...string) *agent {
	h.t.Helper()
	a := &agent{cmd: h.command(env, "serve"), ended: make(chan error, 1), output: &output{}}
	a.cmd.Stdout, a.cmd.Stderr = a.output, a.output
	if err := a.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() { a.ended <- a.cmd.Wait() }()
	h.t.Cleanup(func() { a.cmd.Process.Kill() })
	eventually(h.t, "the agent answers", func() bool {
		status, _, _ := h.run(env, "health")
		return status == 0
	})
	return a
}

type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	tests := []struct {
		name   string
		args   []string
		env    []string
		status int
		stdout string
		stderr []string
	}{
		{name: "nothing", status: 2, stdout: "larder serve"},
		{name: "help", args: []string{"help"}, stdout: "LARDER_FILE"},
		{name: "-h", args: []string{"-h"}, stdout: "Usage"},
		{name: "version", args: []string{"version"}, stdout: "larder 0."},
		{name: "unknown command", args: []string{"fetch"}, status: 2, stderr: []string{`"fetch"`, "larder help"}},
		{name: "argument too many", args: []string{"serve", "now"}, status: 2, stderr: []string{"serve takes no arguments"}},
		{name: "get without a reference", args: []string{"get"}, status: 2, stderr: []string{"one reference"}},
		{name: "get with an unknown option", args: []string{"get", "--fast"}, status: 2, stderr: []string{`"--fast"`}},
		{name: "get with an empty key", args: []string{"get", "db#"}, status: 2, stderr: []string{"#"}},
		{name: "get with an empty name", args: []string{"get", "#key"}, status: 2, stderr: []string{"name of a secret"}},
		{name: "get with an empty stage", args: []string{"get", "db?versionStage="}, status: 2, stderr: []string{"versionStage"}},
		{name: "get without a token", args: []string{"get", "x"}, status: 1, stderr: []string{"larder serve", ".larder/run/token"}},
		{name: "get without an agent", args: []string{"get", "x"}, env: []string{"AWS_TOKEN=t"}, status: 1, stderr: []string{"no agent answers on 127.0.0.1:" + h.port, "larder serve"}},
		{name: "health without an agent", args: []string{"health"}, status: 1, stderr: []string{"127.0.0.1:" + h.port}},
		{name: "serve without a home", args: []string{"serve"}, env: []string{"HOME="}, status: 1, stderr: []string{"HOME", "AWS_TOKEN"}},
		{
			name: "serve with two malformed variables", args: []string{"serve"}, env: []string{"LARDER_TTL=soon", "LARDER_SECRETS=vault:x"},
			status: 2, stderr: []string{`LARDER_TTL: "soon"`, `unknown scheme "vault"`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := h.run(test.env, test.args...)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if !strings.Contains(stdout, test.stdout) {
				t.Errorf("stdout lacks %q: %s", test.stdout, stdout)
			}
			for _, text := range test.stderr {
				if !strings.Contains(stderr, text) {
					t.Errorf("stderr lacks %q: %s", text, stderr)
				}
			}
			if test.status == 0 && stderr != "" {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

func TestServeAndGet(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{"my-api-key": "abc123", "db": {"user": "app", "port": 5432}}`)
	a := h.serve()
	tests := []struct {
		name, ref string
		status    int
		stdout    string
		stderr    string
	}{
		{name: "text", ref: "my-api-key", stdout: "abc123"},
		{name: "JSON", ref: "db", stdout: `{"user": "app", "port": 5432}`},
		{name: "key", ref: "db#user", stdout: "app"},
		{name: "key with a number", ref: "db#port", stdout: "5432"},
		{name: "an ARN, for the name in it", ref: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:my-api-key-AbCdEf", stdout: "abc123"},
		{name: "with its scheme", ref: "file:my-api-key", stdout: "abc123"},
		{name: "current stage", ref: "my-api-key?versionStage=AWSCURRENT", stdout: "abc123"},
		{name: "other stage", ref: "my-api-key?versionStage=AWSPREVIOUS", status: 1, stderr: "AWSPREVIOUS"},
		{name: "missing", ref: "nope", status: 1, stderr: `secret "nope" is not in ` + h.file()},
		{name: "missing key", ref: "db#pass", status: 1, stderr: `no key "pass"`},
		{name: "backend that is not configured", ref: "aws:db", status: 1, stderr: `no backend "aws"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := h.run(nil, "get", test.ref)
			if status != test.status || stdout != test.stdout || !strings.Contains(stderr, test.stderr) {
				t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
			}
		})
	}
	if info, err := os.Stat(h.token()); err != nil || info.Mode() != 0o600 {
		t.Errorf("the token file: %v, %v", info, err)
	}
	if token, err := os.ReadFile(h.token()); err != nil || strings.Contains(a.output.String(), strings.TrimSpace(string(token))) {
		t.Errorf("the token is printed, or %v:\n%s", err, a.output)
	}
	a.cmd.Process.Signal(syscall.SIGTERM)
	if err := <-a.ended; err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, a.output)
	}
}

// TestFirstStart: with no file yet, serve says which to create and what goes in,
// and needs no restart once it is there.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	a := h.serve()
	for _, text := range []string{h.file(), `{"my-api-key": "the value"}`, "curl", "$(cat "} {
		eventually(t, "the greeting has "+text, func() bool { return strings.Contains(a.output.String(), text) })
	}
	if status, _, stderr := h.run(nil, "get", "my-api-key"); status != 1 || !strings.Contains(stderr, h.file()) {
		t.Errorf("status %d: %s", status, stderr)
	}
	h.write(`{"my-api-key": "the value"}`)
	if status, stdout, stderr := h.run(nil, "get", "my-api-key"); status != 0 || stdout != "the value" {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

// TestTokens: AWS_TOKEN replaces the file, and a client with another is told.
func TestTokens(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{"my-api-key": "abc123"}`)
	h.serve("AWS_TOKEN=right")
	if status, stdout, stderr := h.run([]string{"AWS_TOKEN=right"}, "get", "my-api-key"); status != 0 || stdout != "abc123" {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
	if status, stdout, stderr := h.run([]string{"AWS_TOKEN=wrong"}, "get", "my-api-key"); status != 1 || stdout != "" || !strings.Contains(stderr, "AWS_TOKEN") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

// TestListed: outside Lambda another backend than the file serves what is
// configured, and nothing else.
func TestListed(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	h.serve("LARDER_BACKEND=aws", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y")
	status, _, stderr := h.run(nil, "get", "my-api-key")
	if status != 1 || !strings.Contains(stderr, "LARDER_SECRETS") || !strings.Contains(stderr, "LARDER_ALLOW=any") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// TestPortTaken: one line, and the agent that has the port goes on as it was.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{"my-api-key": "abc123"}`)
	h.serve()
	status, _, stderr := h.run(nil, "serve")
	if status != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "127.0.0.1:"+h.port) || !strings.Contains(stderr, "LARDER_PORT") {
		t.Errorf("status %d: %s", status, stderr)
	}
	if status, stdout, stderr := h.run(nil, "get", "my-api-key"); status != 0 || stdout != "abc123" {
		t.Errorf("the first agent afterwards: status %d: %s%s", status, stdout, stderr)
	}
}

// TestFailAtInit: the agent ends where a configured secret is missing.
func TestFailAtInit(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{}`)
	status, _, stderr := h.run([]string{"LARDER_SECRETS=gone", "LARDER_ON_INIT_FAILURE=fail"}, "serve")
	if status != 1 || !strings.Contains(stderr, `"gone"`) || !strings.Contains(stderr, "LARDER_ON_INIT_FAILURE=fail") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
