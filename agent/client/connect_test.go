package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/client"
)

func TestNoAgent(t *testing.T) {
	port := agenttest.Port(t)
	tests := []struct {
		name string
		vars map[string]string
		is   error
		says string
	}{
		{"not started", map[string]string{"LARDER_PORT": port, "AWS_TOKEN": "x"}, client.ErrNoAgent, "larder serve"},
		{"not started, AWS's variable", map[string]string{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": port, "AWS_TOKEN": "x"}, client.ErrNoAgent, "127.0.0.1:" + port},
		{"Larder's variable first", map[string]string{"LARDER_PORT": port, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "1", "AWS_TOKEN": "x"}, client.ErrNoAgent, "127.0.0.1:" + port},
		{"not started in Lambda", map[string]string{"LARDER_PORT": port, "AWS_LAMBDA_RUNTIME_API": "x", "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_SESSION_TOKEN": "x"}, client.ErrNoAgent, "layer"},
		{"never started", map[string]string{"LARDER_PORT": port, "HOME": t.TempDir()}, client.ErrNoAgent, "larder serve"},
		{"a port that is none", map[string]string{"LARDER_PORT": "http", "AWS_TOKEN": "x"}, client.ErrInvalid, "LARDER_PORT"},
		{"a port that hides a host", map[string]string{"LARDER_PORT": "1@127.0.0.1:" + port, "AWS_TOKEN": "x"}, client.ErrInvalid, "LARDER_PORT"},
		{"a token file that is missing", map[string]string{"LARDER_PORT": port, "AWS_TOKEN": "file:///does/not/exist"}, client.ErrToken, "AWS_TOKEN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := reader(t, test.vars).Secret("a").Value(t.Context())
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), `"a"`) {
				t.Errorf("Value: %v; want %q that says %q", err, test.is, test.says)
			}
		})
	}
}

func TestSomethingElseAnswers(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		is      error
	}{
		{"not found", http.NotFound, client.ErrNoAgent},
		{"a page that asks for a login", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, planted, http.StatusUnauthorized) }, client.ErrNoAgent},
		{"JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(400)
			io.WriteString(w, planted)
		}, client.ErrNoAgent},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, client.ErrUnavailable},
		{"broken off within the value", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, planted)
		}, client.ErrUnavailable},
		{"without an end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat(planted, 1000))
			}
		}, client.ErrNoAgent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			value, err := answering(t, test.handler).Secret("a").Value(t.Context())
			if !errors.Is(err, test.is) || value != "" || strings.Contains(err.Error(), planted) {
				t.Errorf("Value = %q, %v; want %q", value, err, test.is)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := answering(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		if _, err := c.Secret("a").Value(t.Context()); !errors.Is(err, client.ErrNoAgent) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if reached.Load() {
		t.Error("a redirect was followed")
	}
}

func TestProxyVariablesAreIgnored(t *testing.T) {
	var reached atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	c := connect(t, startAgent(t, 0, "token"))
	if got, err := c.Secret("my-api-key").Value(t.Context()); err != nil || got != "abc123" || reached.Load() {
		t.Errorf("Value = %q, %v; the proxy was asked: %v", got, err, reached.Load())
	}
}

func TestRequestOnTheWire(t *testing.T) {
	var got *http.Request
	c := answering(t, func(w http.ResponseWriter, r *http.Request) { got = r })
	if _, err := c.Secret("a/b+c&d=e f").Key("k&").Stage("S").Fresh().Value(t.Context()); err != nil {
		t.Fatal(err)
	}
	q := got.URL.Query()
	if got.Method != "GET" || got.URL.Path != "/secret" || len(q) != 4 || q.Get("name") != "a/b+c&d=e f" || q.Get("key") != "k&" || q.Get("versionStage") != "S" || q.Get("refresh") != "true" {
		t.Errorf("%s %s", got.Method, got.RequestURI)
	}
	if !strings.HasPrefix(got.Host, "127.0.0.1:") || len(got.Header["X-Aws-Parameters-Secrets-Token"]) != 1 || got.Header.Get("X-Aws-Parameters-Secrets-Token") != "token" {
		t.Errorf("Host %q, header %v", got.Host, got.Header)
	}
}

func TestOneConnectionForManyReads(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("name") == "none" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(404)
			io.WriteString(w, `{"code":"C","detail":"d"}`)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	c := reader(t, map[string]string{"LARDER_PORT": port, "AWS_TOKEN": "token"})
	for range 50 {
		c.Secret("a").Value(t.Context())
		c.Secret("none").Value(t.Context())
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for a hundred reads one after the other, want 1", n)
	}
}

// TestManyReadsAtOnce: more than an agent takes connections wait their turn.
func TestManyReadsAtOnce(t *testing.T) {
	c := connect(t, startAgent(t, 0, "token"))
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if _, err := c.Secret("my-api-key").Value(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestContext(t *testing.T) {
	asked, release := make(chan struct{}, 2), make(chan struct{})
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := c.Secret("a").Value(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Secret("a").Value(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past its deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := c.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Ping: %v", err)
	}
}

func TestPing(t *testing.T) {
	if err := connect(t, startAgent(t, 0, "another")).Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }).Ping(t.Context()); err == nil {
		t.Error("Ping takes something else for an agent")
	}
	if err := reader(t, map[string]string{"LARDER_PORT": agenttest.Port(t)}).Ping(t.Context()); err == nil {
		t.Error("Ping of nobody succeeds")
	}
}

func TestTokenFile(t *testing.T) {
	for variable, below := range map[string]string{"XDG_RUNTIME_DIR": "larder/token", "HOME": ".larder/run/token"} {
		t.Run(variable, func(t *testing.T) {
			dir := t.TempDir()
			s := startAgent(t, 0, "first")
			path := filepath.Join(dir, below) + fmt.Sprint("-", s.Port())
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write := func(token string, mode os.FileMode) {
				if err := os.WriteFile(path, []byte(token+"\n"), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("first", 0o600)
			vars := map[string]string{"LARDER_PORT": fmt.Sprint(s.Port()), variable: dir}
			c := reader(t, vars)
			if got, err := c.Secret("my-api-key").Value(t.Context()); err != nil || got != "abc123" {
				t.Fatalf("Value = %q, %v", got, err)
			}
			stop(s)
			startAgent(t, s.Port(), "second") // the agent was restarted with another token
			if _, err := c.Secret("my-api-key").Value(t.Context()); !errors.Is(err, client.ErrToken) {
				t.Errorf("with the old token in the file: %v", err)
			}
			write("second", 0o600)
			if got, err := c.Secret("my-api-key").Value(t.Context()); err != nil || got != "abc123" {
				t.Errorf("with the new token in the file: %q, %v", got, err)
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := reader(t, vars).Secret("my-api-key").Value(t.Context()); !errors.Is(err, client.ErrToken) || !strings.Contains(err.Error(), path) {
				t.Errorf("a file that others can read: %v", err)
			}
		})
	}
}
