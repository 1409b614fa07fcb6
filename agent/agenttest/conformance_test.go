package agenttest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
)

// memory is a store that is its own backend, with a mistake where broken says.
type memory struct {
	broken string

	mu       sync.Mutex // guards both below
	secrets  map[string]*agent.Secret
	versions int
}

func newMemory(broken string) *memory {
	return &memory{broken: broken, secrets: map[string]*agent.Secret{}}
}

func (m *memory) put(name string, value []byte, binary bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != "version" || m.versions == 0 {
		m.versions++
	}
	s := &agent.Secret{
		Name: name, Version: fmt.Sprint(m.versions), Value: agent.NewValue(value), Binary: binary,
		Aliases: []agent.Reference{{Scheme: "memory", ID: name}},
	}
	switch m.broken {
	case "identity":
		s.Aliases[0].Query = "version=" + s.Version
	case "same identity":
		s.Aliases[0].ID = "larder-identity-one"
	case "value in name":
		s.Name += string(value)
	}
	m.secrets[name] = s
}

func (m *memory) harness() agenttest.Harness {
	return agenttest.Harness{
		Scheme:    "memory",
		Source:    agent.Source{Open: func(context.Context) (agent.Backend, error) { return m, nil }},
		Put:       func(_ testing.TB, name, value string) { m.put(name, []byte(value), false) },
		PutBinary: func(_ testing.TB, name string, value []byte) { m.put(name, value, true) },
		PutEmpty:  func(_ testing.TB, name string) { m.put(name, nil, false) },
		Delete: func(_ testing.TB, name string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.secrets, name)
		},
	}
}

func (m *memory) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	for i, ref := range refs {
		r := m.result(ctx, ref)
		switch {
		case m.broken == "twice":
			deliver(i, r)
		case m.broken == "index":
			deliver(len(refs)+i, r)
		case m.broken == "left out" && i == len(refs)-1 && i > 0:
			return
		case m.broken == "late":
			go func() {
				time.Sleep(time.Millisecond)
				deliver(i, r)
			}()
			continue
		case m.broken == "goroutine":
			go time.Sleep(time.Hour)
		case m.broken == "shifted" && i > 0 && len(refs) > 40:
			r = m.result(ctx, refs[i-1])
		case m.broken == "duplicates" && i > 0 && contains(refs[:i], ref):
			continue
		}
		deliver(i, r)
	}
}

func contains(refs []agent.Reference, ref agent.Reference) bool {
	for _, other := range refs {
		if other == ref {
			return true
		}
	}
	return false
}

func (m *memory) result(ctx context.Context, ref agent.Reference) agent.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[ref.ID]
	fail := func(kind agent.Kind, problem string) agent.Result {
		return agent.Result{Err: &agent.Error{Kind: kind, Status: 400, Code: "Code", Message: fmt.Sprintf("secret %q: %s", ref.ID, problem)}}
	}
	switch {
	case ctx.Err() != nil && m.broken != "context":
		return fail(agent.Unavailable, "cancelled")
	case ref.Query != "" && m.broken != "parameter":
		return fail(agent.Invalid, "unknown parameter")
	case s == nil && m.broken == "kind":
		return fail(agent.Unavailable, "there is none")
	case s == nil && m.broken == "name":
		return agent.Result{Err: &agent.Error{Kind: agent.NotFound, Status: 404, Code: "Code", Message: "there is none"}}
	case s == nil && m.broken == "plain error":
		return agent.Result{Err: fmt.Errorf("there is no %q", ref.ID)}
	case s == nil:
		return fail(agent.NotFound, "there is none")
	case s.Value.Len() == 0 && m.broken != "empty":
		return fail(agent.Invalid, "it is empty")
	case m.broken == "both":
		return agent.Result{Secret: s, Err: fail(agent.Invalid, "both").Err}
	}
	return agent.Result{Secret: s}
}

func TestConformance(t *testing.T) { agenttest.Conformance(t, newMemory("").harness()) }

// TestBroken is run by TestSuiteFindsWhatIsBroken alone, to fail.
func TestBroken(t *testing.T) {
	broken := os.Getenv("LARDER_TEST_BROKEN")
	if broken == "" {
		t.Skip("another test runs this one")
	}
	agenttest.Conformance(t, newMemory(broken).harness())
}

func TestSuiteFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for broken, found := range map[string]string{
		"twice":         "found",
		"index":         "found",
		"left out":      "many_at_once",
		"late":          "no_late_delivery",
		"goroutine":     "no_goroutine_left",
		"shifted":       "many_at_once",
		"duplicates":    "many_at_once",
		"context":       "cancelled_before",
		"parameter":     "unknown_parameter",
		"kind":          "missing",
		"name":          "missing",
		"plain error":   "missing",
		"empty":         "empty",
		"both":          "found",
		"version":       "version",
		"identity":      "identity",
		"same identity": "identity",
		"value in name": "found",
	} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(cmd.Environ(), "LARDER_TEST_BROKEN="+broken)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestBroken/"+found+" ") {
				t.Errorf("the suite does not fail in %q (%v):\n%s", found, err, out)
			}
			if strings.Contains(string(out), "panic:") || strings.Contains(string(out), "DATA RACE") {
				t.Errorf("the suite breaks down:\n%s", out)
			}
		})
	}
}
