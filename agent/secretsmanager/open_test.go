package secretsmanager_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/awsapi"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// planted is in every value; nothing that is logged or returned as an error may
// hold it.
const planted = "hunter2-PLANTED"

const (
	single = "GetSecretValue"
	batch  = "BatchGetSecretValue"
)

// batchAbove is LARDER_BATCH=auto.
const batchAbove = 10

// store is a backend under test and what it logged.
type store struct {
	agent.Backend
	log *log
}

// open returns the backend of the Secrets Manager at url. What the environment
// says then holds for good, so that tests that use it may be parallel to others.
func open(t *testing.T, url string, change ...func(*secretsmanager.Config)) *store {
	t.Helper()
	agenttest.Setenv(t, url)
	s, err := tryOpen(t, change...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryOpen takes the environment as it is.
func tryOpen(t *testing.T, change ...func(*secretsmanager.Config)) (*store, error) {
	t.Helper()
	s := &store{log: &log{}}
	backend, err := source(s.log, change...).Open(t.Context())
	s.Backend = backend
	t.Cleanup(func() {
		if strings.Contains(s.log.String(), planted) {
			t.Errorf("the log shows a value: %s", s.log)
		}
	})
	return s, err
}

// source is configured as the Lambda binary configures it.
func source(l *log, change ...func(*secretsmanager.Config)) agent.Source {
	c := secretsmanager.Config{
		AWS:            awsapi.Config{Getenv: os.Getenv, Base: awsapi.Environment, Lambda: true, Log: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))},
		BatchAbove:     batchAbove,
		TTL:            time.Hour,
		MaxConnections: 8,
	}
	for _, set := range change {
		set(&c)
	}
	return secretsmanager.Source(c)
}

// log is what was logged.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fetch asks for refs and fails t unless each is answered once.
func (s *store) fetch(ctx context.Context, t *testing.T, refs ...agent.Reference) []agent.Result {
	t.Helper()
	var mu sync.Mutex // guards both below
	results := make([]agent.Result, len(refs))
	delivered := make([]int, len(refs))
	s.Fetch(ctx, refs, func(i int, r agent.Result) {
		mu.Lock()
		defer mu.Unlock()
		results[i] = r
		delivered[i]++
	})
	for i, n := range delivered {
		if n != 1 {
			t.Errorf("%s was delivered %d times, want once", refs[i], n)
		}
		if err := results[i].Err; err != nil && strings.Contains(err.Error(), planted) {
			t.Errorf("%s: the error shows the value", refs[i])
		}
	}
	return results
}

// want asks for ref and returns the secret.
func (s *store) want(t *testing.T, ref agent.Reference, value string) *agent.Secret {
	t.Helper()
	r := s.fetch(t.Context(), t, ref)[0]
	if r.Err != nil {
		t.Fatalf("%s: %v", ref, r.Err)
	}
	if got := string(r.Secret.Value.Reveal()); got != value {
		t.Fatalf("%s = %q, want %q", ref, got, value)
	}
	return r.Secret
}

// wantError asks for ref and returns the error.
func (s *store) wantError(t *testing.T, ref agent.Reference, kind agent.Kind, code string) *agent.Error {
	t.Helper()
	return wantError(t, ref, s.fetch(t.Context(), t, ref)[0], kind, code)
}

func wantError(t *testing.T, ref agent.Reference, r agent.Result, kind agent.Kind, code string) *agent.Error {
	t.Helper()
	if r.Err == nil {
		t.Fatalf("%s: a secret, want %v", ref, kind)
	}
	e := agent.AsError(r.Err)
	if e.Kind != kind || code != "" && e.Code != code {
		t.Errorf("%s: %v (%v, %s), want %v, %s", ref, e, e.Kind, e.Code, kind, code)
	}
	if e.Status < 400 || e.Status > 599 {
		t.Errorf("%s: status %d of %v", ref, e.Status, e)
	}
	if !strings.Contains(e.Message, fmt.Sprintf("%q", ref.ID)) {
		t.Errorf("the error does not name %q: %v", ref.ID, e)
	}
	return e
}

// wantMany fails t unless refs are the secrets that put stored.
func (s *store) wantMany(t *testing.T, refs []agent.Reference) {
	t.Helper()
	for i, r := range s.fetch(t.Context(), t, refs...) {
		if r.Err != nil {
			t.Errorf("%s: %v", refs[i], r.Err)
		} else if got := string(r.Secret.Value.Reveal()); got != valueOf(i) {
			t.Errorf("%s = %q, want %q", refs[i], got, valueOf(i))
		}
	}
}

func valueOf(i int) string { return fmt.Sprintf("%s-%d", planted, i) }

// put stores n secrets and returns the references to them.
func put(aws *agenttest.AWS, n int) []agent.Reference {
	refs := make([]agent.Reference, n)
	for i := range refs {
		refs[i] = named(fmt.Sprintf("secret/%02d-of-many", i))
		aws.Put(refs[i].ID, valueOf(i))
	}
	return refs
}

// wantCalls fails t unless exactly these operations were called so often.
func wantCalls(t *testing.T, server *agenttest.Server, want map[string]int) {
	t.Helper()
	if got := server.Operations(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls: %v, want %v", got, want)
	}
}

func named(id string) agent.Reference { return agent.Reference{Scheme: "aws", ID: id} }

func asking(id, query string) agent.Reference {
	return agent.Reference{Scheme: "aws", ID: id, Query: query}
}

// group runs subtests side by side, however few processors there are: they spend
// their time waiting. Wait for it before the test ends.
type group struct{ sync.WaitGroup }

func (g *group) run(t *testing.T, name string, test func(*testing.T)) {
	g.Go(func() { t.Run(name, test) })
}
