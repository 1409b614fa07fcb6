package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

const (
	token   = "the-token"
	planted = "hunter2-PLANTED-value"
)

// store is a backend whose answers a test sets; every other name is answered by
// otherwise, without it not found.
type store struct {
	otherwise func(ref agent.Reference) agent.Result

	mu      sync.Mutex // guards both below
	answers map[agent.Reference]func(ctx context.Context) agent.Result
	asked   []agent.Reference
}

func newStore() *store {
	return &store{answers: map[agent.Reference]func(context.Context) agent.Result{}}
}

func (s *store) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	for i, ref := range refs {
		s.mu.Lock()
		answer := s.answers[ref]
		s.asked = append(s.asked, ref)
		s.mu.Unlock()
		if answer == nil && s.otherwise != nil {
			deliver(i, s.otherwise(ref))
			continue
		}
		if answer == nil {
			deliver(i, agent.Result{Err: &agent.Error{Kind: agent.NotFound, Status: 400, Code: "ResourceNotFoundException", Message: fmt.Sprintf("secret %q does not exist", ref.ID)}})
			continue
		}
		deliver(i, answer(ctx))
	}
}

// forget returns what has been asked since it was called last.
func (s *store) forget() []agent.Reference {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *store) on(ref agent.Reference, answer func(context.Context) agent.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[ref] = answer
}

// put makes the store answer id with value.
func (s *store) put(id, value string) *agent.Secret {
	secret := &agent.Secret{Name: id, ARN: "arn-of-" + id, Version: "v1", Stages: []string{"AWSCURRENT"}, Value: agent.NewValue([]byte(value))}
	s.on(named(id), func(context.Context) agent.Result { return agent.Result{Secret: secret} })
	return secret
}

func (s *store) fail(id string, e agent.Error) {
	s.on(named(id), func(context.Context) agent.Result { return agent.Result{Err: &e} })
}

func named(id string) agent.Reference { return agent.Reference{Scheme: "aws", ID: id} }

// running is a server on real sockets that ends with its test.
type running struct {
	*server.Server
	t     testing.TB
	store *store
	cache *agent.Cache
	log   *bytes.Buffer // read it after the server has ended
}

// start serves store under the default configuration, changed by change.
func start(t testing.TB, change func(*agent.Config, *server.Config)) *running {
	t.Helper()
	r := &running{t: t, store: newStore(), log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	open := func(context.Context) (agent.Backend, error) { return r.store, nil }
	cacheConfig := agent.Config{Sources: map[string]agent.Source{"aws": {Open: open, TTL: time.Minute}}, Log: log}
	config := server.Config{Token: token, Backend: "aws", Log: log}
	if change != nil {
		change(&cacheConfig, &config)
	}
	r.cache = agent.New(cacheConfig)
	config.Cache = r.cache
	s, err := server.Listen(config)
	if err != nil {
		r.cache.Close()
		t.Fatal(err)
	}
	r.Server = s
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		r.cache.Close()
		if strings.Contains(r.log.String(), planted) || strings.Contains(r.log.String(), token) {
			t.Errorf("the log shows a value or the token: %s", r.log)
		}
	})
	return r
}

func (r *running) host() string { return fmt.Sprintf("127.0.0.1:%d", r.Port()) }

// raw sends a request as it is written, with $HOST and $TOKEN replaced.
func (r *running) raw(request string) *answer {
	r.t.Helper()
	conn := r.dial()
	defer conn.Close()
	return r.over(conn, request)
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.host())
	if err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// over sends a request on conn and reads the answer.
func (r *running) over(conn net.Conn, request string) *answer {
	r.t.Helper()
	a, err := r.try(conn, request)
	if err != nil {
		r.t.Fatalf("%.80q: %v", request, err)
	}
	return a
}

// written is a request as it goes over the wire.
func (r *running) written(request string) string {
	return strings.NewReplacer("$HOST", r.host(), "$PORT", fmt.Sprint(r.Port()), "$TOKEN", "X-Aws-Parameters-Secrets-Token: "+token, "\n", "\r\n").Replace(request)
}

func (r *running) try(conn net.Conn, request string) (*answer, error) {
	request = r.written(request)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	// The server may answer and close before it has read all.
	go io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &answer{resp, string(body)}, err
}

// get asks for target with the token.
func (r *running) get(target string) *answer {
	r.t.Helper()
	return r.raw("GET " + target + " HTTP/1.1\nHost: $HOST\n$TOKEN\nConnection: close\n\n")
}

// answer is a response read to its end.
type answer struct {
	*http.Response
	body string
}

func (a *answer) want(t *testing.T, status int, says string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.body, says) {
		t.Errorf("status %d %s, want %d that says %q", a.StatusCode, a.body, status, says)
	}
}
