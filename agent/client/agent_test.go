package client_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/client"
	"github.com/larder-secrets/larder/agent/file"
	"github.com/larder-secrets/larder/agent/server"
)

const planted = "hunter2-PLANTED-value"

// secrets is what the agent of the tests serves.
const secrets = `{
  "my-api-key": "abc123",
  "lines": "a\nb ä\n",
  "number": 42,
  "database": {"user": "app", "password": "` + planted + `", "port": 5432},
  "list": ["` + planted + `"],
  "text": "` + planted + `",
  "cut": "{\"a\": ` + planted + `",
  "empty": "",
  "a/b+c d&e=f": "odd name"
}`

// startAgent runs an agent with the file backend; port 0 is any.
func startAgent(t testing.TB, port int, token string) *server.Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets.json")
	if err := os.WriteFile(path, []byte(secrets), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, port, token, file.Source(path))
}

func serve(t testing.TB, port int, token string, source agent.Source) *server.Server {
	t.Helper()
	cache := agent.New(agent.Config{Sources: map[string]agent.Source{"file": source}})
	s, err := server.Listen(server.Config{Port: port, Token: token, Cache: cache, Backend: "file"})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		stop(s)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		cache.Close()
	})
	return s
}

func stop(s *server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.Shutdown(ctx)
}

// reader returns a client with the given environment.
func reader(t testing.TB, vars map[string]string) *client.Client {
	c := &client.Client{Getenv: func(name string) string { return vars[name] }}
	t.Cleanup(c.Close)
	return c
}

// connect returns a client of the agent s.
func connect(t testing.TB, s *server.Server) *client.Client {
	return reader(t, map[string]string{"LARDER_PORT": fmt.Sprint(s.Port()), "AWS_TOKEN": "token"})
}

// answering returns a client of something that answers as handler does.
func answering(t *testing.T, handler http.HandlerFunc) *client.Client {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return reader(t, map[string]string{"LARDER_PORT": port, "AWS_TOKEN": "token"})
}
