package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// binary is the extension as built for these tests, with the race detector
// where they have it; others stand beside it in folders of their own.
var binary string

// shipped is the extension without the race detector, and movable one whose
// clock the local Lambda can move.
var (
	shipped = sync.OnceValue(func() string { return mustBuild("shipped") })
	movable = sync.OnceValue(func() string {
		return mustBuild("movable", fmt.Sprintf("-race=%t", raceEnabled), "-tags=shiftclock")
	})
)

// mustBuild builds the extension in the folder name beside binary.
func mustBuild(name string, flags ...string) string {
	path := filepath.Join(filepath.Dir(binary), name, "larder")
	if err := build(path, flags...); err != nil {
		panic(err)
	}
	return path
}

func build(path string, flags ...string) error {
	cmd := exec.Command("go", slices.Concat([]string{"build"}, flags, []string{"-o", path, "."})...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	if os.Getenv(probeVariable) != "" {
		probe()
		return
	}
	dir, err := os.MkdirTemp("", "larder")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "larder")
	if err := build(binary, fmt.Sprintf("-race=%t", raceEnabled)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// bench is one local Lambda with the extension and the probe function.
type bench struct {
	*lambdatest.Lambda
	t    *testing.T
	port string // the extension's
}

// start runs the binary with env beside the probe, without INIT yet.
func start(t *testing.T, env map[string]string, change func(*lambdatest.Config)) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := lambdatest.Config{
		Function:   []string{self},
		Extensions: []string{binary},
		Timeout:    20 * time.Second,
		Env: map[string]string{
			probeVariable: "1",
			"GORACE":      "atexit_sleep_ms=0", // a race is told by the exit status all the same
			"LARDER_PORT": agenttest.Port(t),
		},
	}
	maps.Copy(config.Env, env)
	if change != nil {
		change(&config)
	}
	lambda, err := lambdatest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{lambda, t, config.Env["LARDER_PORT"]}
	t.Cleanup(func() {
		if err := lambda.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, p := range lambda.Processes() {
			if strings.Contains(p.Output, "DATA RACE") || strings.Contains(p.Output, "panic:") || strings.Contains(p.Output, "fatal error:") {
				t.Errorf("%s printed:\n%s", p.Name, p.Output)
			}
		}
	})
	return b
}

// init runs INIT, which must succeed.
func (b *bench) init() *bench {
	b.t.Helper()
	if _, err := b.Init(b.t.Context()); err != nil {
		b.t.Fatalf("init: %v\n%s", err, b.Output("larder"))
	}
	return b
}

// ask invokes the probe, which makes the requests, and returns the answers.
func (b *bench) ask(requests ...request) []answer {
	b.t.Helper()
	answers, _ := b.invoke(requests)
	return answers
}

// invoke is ask, with what else there is to know of the invocation.
func (b *bench) invoke(requests []request) ([]answer, *lambdatest.Response) {
	b.t.Helper()
	payload, err := json.Marshal(requests)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := b.Invoke(b.t.Context(), payload)
	if err != nil {
		b.t.Fatalf("invoke: %v\n%s", err, b.Output("larder"))
	}
	if response.FunctionError != "" {
		b.t.Fatalf("the probe failed after %v of %v: %s\n%s", response.Duration, response.Total, response.Payload, b.Output("larder"))
	}
	var answers []answer
	if err := json.Unmarshal(response.Payload, &answers); err != nil {
		b.t.Fatal(err)
	}
	return answers, response
}

// read is ask for one path.
func (b *bench) read(path string) answer {
	b.t.Helper()
	return b.ask(request{Path: path})[0]
}

// lines returns what the extension has printed so far, line by line.
func (b *bench) lines() []string {
	text := strings.TrimSpace(b.Output("larder"))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// exited waits for the extension's process to end.
func (b *bench) exited() lambdatest.Process {
	b.t.Helper()
	eventually(b.t, "the extension ends", func() bool { return b.Process("larder").State == lambdatest.Exited })
	return b.Process("larder")
}

// eventually polls until true, for at most ten seconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

// secretsFile writes the file of the file backend and returns the variables
// that point to it.
func secretsFile(t *testing.T, content string) map[string]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"LARDER_BACKEND": "file", "LARDER_FILE": path}
}

// with returns env and more.
func with(env map[string]string, more ...string) map[string]string {
	env = maps.Clone(env)
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// expect fails unless the answer has the status and the body contains all
// texts.
func (a answer) expect(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d: %s", a.Status, status, a.text())
	}
	for _, text := range texts {
		if !bytes.Contains(a.Body, []byte(text)) {
			t.Errorf("the body lacks %q: %s", text, a.text())
		}
	}
}

func (a answer) text() string { return cmp.Or(string(a.Body), a.Error) }

// printed waits until the extension has printed so many lines, since what a
// running process prints takes a moment to arrive, and fails on more.
func (b *bench) printed(lines int) []string {
	b.t.Helper()
	eventually(b.t, "the extension prints", func() bool { return len(b.lines()) >= lines })
	out := b.lines()
	if len(out) != lines {
		b.t.Fatalf("%d lines, want %d:\n%s", len(out), lines, strings.Join(out, "\n"))
	}
	return out
}
