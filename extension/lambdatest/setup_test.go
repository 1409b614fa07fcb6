package lambdatest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scripts maps an actor's name to its script. The name "function" is the
// function's; every other one is an extension. MARK stands for a file that does
// not exist yet.
type scripts map[string]string

// start runs a Lambda of actors until the end of the test.
func start(t *testing.T, config Config, actors scripts) *Lambda {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(binary, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := map[string]string{
		actorVariable: "1",
		"GORACE":      "atexit_sleep_ms=0", // the race detector's second at exit
		"GOCOVERDIR":  dir,
	}
	for name, value := range config.Env {
		env[name] = value
	}
	for name, steps := range actors {
		env["SCRIPT_"+name] = strings.ReplaceAll(steps, "MARK", filepath.Join(dir, "mark"))
		if name != functionProcess {
			config.Extensions = append(config.Extensions, link(name))
		}
	}
	config.Env = env
	if config.Function == nil {
		config.Function = []string{link("bootstrap")}
	}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second // for loaded machines; tests of it set their own
	}
	l, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error("Close:", err)
		}
		if t.Failed() {
			for _, p := range l.Processes() {
				p.Output = withoutEnvironment(p.Output)
				t.Logf("%+v", p)
			}
		}
	})
	return l
}

// mark is the file that MARK stands for in the scripts.
func mark(l *Lambda) string { return filepath.Join(l.config.Env["GOCOVERDIR"], "mark") }

func withoutEnvironment(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "env: ") {
			kept = append(kept, line[:min(len(line), 300)])
		}
	}
	return strings.Join(kept, "")
}

func mustInit(t *testing.T, l *Lambda) *Init {
	t.Helper()
	report, err := l.Init(t.Context())
	if err != nil {
		t.Fatal("Init:", err)
	}
	return report
}

// do invokes the function with an order.
func do(t *testing.T, l *Lambda, o order) *Response {
	t.Helper()
	payload, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	response, err := l.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal("Invoke:", err)
	}
	return response
}

// mustDo is do for an order that succeeds.
func mustDo(t *testing.T, l *Lambda, o order) *Response {
	t.Helper()
	response := do(t, l, o)
	if response.FunctionError != "" || response.Fault != nil {
		t.Fatalf("Invoke: %s, fault %v", response.Payload, response.Fault)
	}
	return response
}

func wantFault(t *testing.T, fault *Fault, faultType, message string) {
	t.Helper()
	if fault == nil {
		t.Fatalf("no fault, want %s", faultType)
	}
	if fault.Type != faultType || !strings.Contains(fault.Message, message) {
		t.Errorf("fault %q, want %s with %q", fault, faultType, message)
	}
}

// lines returns what follows the prefix in the lines of an actor's output.
func lines(l *Lambda, name, prefix string) []string {
	var found []string
	for line := range strings.Lines(l.Output(name)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

// events returns the events that an extension has received.
func events(t *testing.T, l *Lambda, name string) []event {
	t.Helper()
	var list []event
	for _, line := range lines(l, name, "event:") {
		var ev event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		list = append(list, ev)
	}
	return list
}

// saw returns what an actor has printed by looking, once it has so often.
func saw(t *testing.T, l *Lambda, name string, times int) []string {
	t.Helper()
	eventually(t, name+" looks", func() bool { return len(lines(l, name, "saw:")) >= times })
	return lines(l, name, "saw:")
}

// eventually polls the condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatal("never:", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
