package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

const (
	faultSecret = "my-api-key"
	heldValue   = "pl4nted-held"
	newValue    = "pl4nted-current"

	pastBackoff = 6 * time.Minute // longer than any, and past the TTL
)

// cell is one fault in one phase: a backend, and a Lambda with a function of one
// handler.
type cell struct {
	kind  faultKind
	phase phase
	aws   *agenttest.AWS
	front *front
	bench *bench
	names []string
}

// runCell plays a cell and returns its row of the table.
func runCell(t *testing.T, kind faultKind, ph phase) row {
	c := &cell{kind: kind, phase: ph, names: []string{faultSecret}}
	for i := range 10 {
		if kind.many {
			c.names = append(c.names, fmt.Sprintf("secret-%02d", i))
		}
	}
	env := c.backend(t)
	if ph.held {
		c.start(t, env)
		c.bench.ask(c.reads()...)
		if err := c.bench.ShiftClock(ph.shift); err != nil {
			t.Fatal(err)
		}
	}
	if !ph.held && !ph.secrets {
		c.start(t, env)
	}
	c.put(newValue)
	c.aws.CloseIdle() // what is not held up by a fault begins with a new connection, as after a freeze
	before := c.calls()
	kind.begin(t, c)
	if ph.prefetch() {
		c.start(t, env)
	}
	r := row{fault: kind.name}
	a := c.bench.ask(request{Path: c.path() + ph.query, Await: c.asked(t, before)})[0]
	var more bool
	r.calls, more = c.counted(a, c.calls().less(before))
	r.got, r.took, r.speed = got(a), a.Took, c.speed(more).name
	if c.phase.refresh() && kind.quick && a.Status == http.StatusOK {
		r.got = strings.Replace(r.got, cacheStatus(a), "Larder; hit` or `fwd=stale", 1) // which of the two is a matter of luck
	}
	c.expectAbsent(t, a)
	c.idle(t)
	c.readAgain(t, a)

	c.lift(t)
	if err := c.bench.ShiftClock(pastBackoff); err != nil {
		t.Fatal(err)
	}
	if a := c.bench.read(c.path() + ph.query); string(a.Body) != newValue || a.Header.Get("Larder-Stale") != "" {
		r.problem = fmt.Sprintf("with the fault lifted, the next read got %s", got(a))
	}
	c.end(t)
	r.logged = logged(c.bench.lines())
	return r
}

// backend starts the Secrets Manager and returns the variables that lead to it.
func (c *cell) backend(t *testing.T) map[string]string {
	var env map[string]string
	if c.kind.secure {
		c.aws = agenttest.NewTLSAWS(t)
		env = with(agenttest.Environment(c.aws.URL), "AWS_CA_BUNDLE", c.aws.CAFile(t))
	} else {
		c.aws = agenttest.NewAWS(t)
		c.front = newFront(t, c.aws.URL)
		env = agenttest.Environment(c.front.URL)
	}
	if c.phase.secrets {
		env["LARDER_SECRETS"] = strings.Join(c.names, " ")
	}
	if c.kind.pace == pacedAttempts || c.kind.pace == tooLong { // which can take more than the default
		env["LARDER_REFRESH_TIMEOUT"] = "10s"
	}
	c.put(heldValue)
	return with(env, loud...)
}

func (c *cell) put(value string) {
	for _, name := range c.names {
		c.aws.Put(name, value)
	}
}

func (c *cell) start(t *testing.T, env map[string]string) {
	c.bench = start(t, env, func(config *lambdatest.Config) { config.Extensions = []string{movable()} }).init()
}

func (c *cell) path() string { return "/secret?name=" + faultSecret }

// reads are requests for all secrets of the cell.
func (c *cell) reads() []request {
	var requests []request
	for _, name := range c.names {
		requests = append(requests, request{Path: "/secret?name=" + name})
	}
	return requests
}

// asked returns a URL that answers once the refresh that an invocation begins is
// under way, so that the handler's read comes after it and not before.
func (c *cell) asked(t *testing.T, before calls) string {
	if !c.phase.refresh() {
		return ""
	}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		unseen := time.NewTimer(50 * time.Millisecond)
		defer unseen.Stop()
		for {
			select {
			case <-tick.C:
				if c.calls() != before {
					return
				}
			case <-unseen.C:
				if c.front.refused() { // of which there is nothing to be seen
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
