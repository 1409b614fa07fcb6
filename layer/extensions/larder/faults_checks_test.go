package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is for an invocation that reads nothing.
const patience = 5 * time.Second

// idle is an invocation that needs nothing from the backend.
func (c *cell) idle(t *testing.T) {
	response, err := c.bench.Invoke(t.Context(), []byte("[]"))
	switch {
	case err != nil:
		t.Fatal(err)
	case response.FunctionError != "" || response.Fault != nil:
		t.Errorf("an invocation that reads nothing: %s, %v", response.Payload, response.Fault)
	case response.Total > patience:
		t.Errorf("an invocation that reads nothing took %v", response.Total)
	}
}

// readAgain: what is held goes on standing in, and nobody waits for it; what was
// fresh still is.
func (c *cell) readAgain(t *testing.T, first answer) {
	if !c.phase.held {
		return
	}
	a := c.bench.read(c.path())
	c.expectAbsent(t, a)
	switch stale := a.Header.Get("Larder-Stale") == "true"; {
	case first.Status != http.StatusOK && c.phase.refresh():
		if a.Status != first.Status {
			t.Errorf("the next read: %s, want %s", got(a), got(first))
		}
	case a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Cache-Status"), "Larder; hit"):
		t.Errorf("the next read: %s, want a hit", got(a))
	case !c.phase.refresh() && stale:
		t.Errorf("the next read: %s, want it fresh", got(a))
	}
}

// expectAbsent: errors tell nothing of a value.
func (c *cell) expectAbsent(t *testing.T, a answer) {
	if a.Status != http.StatusOK {
		expectAbsent(t, "the error", append(a.Body, a.Error...), heldValue, newValue, "pl4nted-garbage", "local-session-token")
	}
}

// end shuts down, which must be clean.
func (c *cell) end(t *testing.T) {
	if err := c.bench.Shutdown(t.Context(), "spindown"); err != nil {
		t.Error(err)
	}
	if p := c.bench.exited(); p.ExitCode != 0 || p.Killed {
		t.Errorf("exit code %d, killed %v:\n%s", p.ExitCode, p.Killed, p.Output)
	}
	c.bench.expectNoLeak(heldValue, newValue, "pl4nted-garbage", "test-key-of-no-account")
}
