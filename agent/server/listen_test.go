package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

func TestListensOnBothLoopbackAddresses(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", "one")
	hosts := []string{fmt.Sprintf("127.0.0.1:%d", r.Port())}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		hosts = append(hosts, fmt.Sprintf("[::1]:%d", r.Port()))
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, host := range hosts {
		req, _ := http.NewRequest(http.MethodGet, "http://"+host+"/secret?name=a", nil)
		req.Header.Set("X-Vault-Token", token)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: status %d", host, resp.StatusCode)
		}
	}
}

func TestPortTaken(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).Port
			_, err = server.Listen(server.Config{Port: port, Token: token})
			var taken *server.PortError
			if !errors.As(err, &taken) || !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("Listen: %v", err)
			}
			for _, say := range []string{l.Addr().String(), "LARDER_PORT"} {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("%q does not say %q", err, say)
				}
			}
			if address == "::1" { // and what was taken before has been given back
				other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Fatal(err)
				}
				other.Close()
			}
		})
	}
}

func TestShutdownLetsReadersFinish(t *testing.T) {
	r := start(t, nil)
	asked, answer := make(chan struct{}), make(chan struct{})
	r.store.on(named("slow"), func(context.Context) agent.Result {
		close(asked)
		<-answer
		return agent.Result{Secret: &agent.Secret{Name: "slow", Value: agent.NewValue([]byte("one"))}}
	})
	got := make(chan *answered, 1)
	go func() { got <- r.ask("slow") }()
	<-asked
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Shutdown(t.Context())
	}()
	for { // from the moment that it no longer listens
		conn, err := net.Dial("tcp", r.host())
		if err != nil {
			break
		}
		conn.Close()
	}
	close(answer)
	if a := <-got; a.err != nil || a.text != "one" {
		t.Errorf("the waiting reader got %+v", a)
	}
	<-ended
}

func TestShutdownCutsAtTheDeadline(t *testing.T) {
	r := start(t, nil)
	asked, answer := make(chan struct{}), make(chan struct{})
	defer close(answer)
	r.store.on(named("slow"), func(context.Context) agent.Result {
		close(asked)
		<-answer
		return agent.Result{}
	})
	got := make(chan *answered, 1)
	go func() { got <- r.ask("slow") }()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	r.Shutdown(ctx)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
	if a := <-got; a.err == nil || errors.Is(a.err, os.ErrDeadlineExceeded) {
		t.Errorf("the reader got %+v, want it to be cut off", a)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	s, err := server.Listen(server.Config{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	s.Shutdown(t.Context())
	if err := s.Serve(); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// answered is what an ordinary client gets.
type answered struct {
	text string
	err  error
}

func (r *running) ask(id string) *answered {
	conn, err := net.Dial("tcp", r.host())
	if err != nil {
		return &answered{err: err}
	}
	defer conn.Close()
	a, err := r.try(conn, "GET /secret?name="+id+" HTTP/1.1\nHost: $HOST\n$TOKEN\n\n")
	if err != nil {
		return &answered{err: err}
	}
	return &answered{text: a.body}
}
