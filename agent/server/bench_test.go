package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// scripted is a connection that asks the same so many times.
type scripted struct {
	net.Conn
	request string
	left    int
}

func (s *scripted) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	return copy(p, s.request), nil
}

func (s *scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                     { return nil }

// discarded is an answer that nobody reads.
type discarded struct{ header http.Header }

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarded) WriteHeader(int)             {}

func benchmarked(b *testing.B) *Server {
	open := func(context.Context) (agent.Backend, error) { return held{}, nil }
	cache := agent.New(agent.Config{Sources: map[string]agent.Source{"aws": {Open: open, TTL: time.Hour}}})
	s, err := Listen(Config{Token: "token", Cache: cache, Backend: "aws"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.close()
		cache.Close()
	})
	return s
}

// BenchmarkRepeat is a read that repeats the one before, without its sockets.
func BenchmarkRepeat(b *testing.B) {
	s := benchmarked(b)
	ref := agent.Reference{Scheme: "aws", ID: "a"}
	if _, err := s.config.Cache.Get(b.Context(), ref, agent.Cached); err != nil {
		b.Fatal(err)
	}
	c := &conn{Conn: &scripted{request: one, left: b.N}, server: s}
	c.repeats.seen([]byte(one))
	c.repeats.learn(question{ref: ref, form: bare("")})
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := c.Read(make([]byte, 4<<10)); err != io.EOF {
		b.Fatal(err)
	}
}

// BenchmarkRequest is a read that goes the whole way, without net/http's part.
func BenchmarkRequest(b *testing.B) {
	s := benchmarked(b)
	ctx := s.http.ConnContext(b.Context(), &conn{Conn: &scripted{}, server: s, number: 1})
	for name, target := range map[string]string{"value": "/secret?name=a", "json": "/secretsmanager/get?secretId=a"} {
		b.Run(name, func(b *testing.B) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
			if err != nil {
				b.Fatal(err)
			}
			req.RequestURI = target
			for host := range s.hosts {
				req.Host = host
			}
			req.Header.Set("X-Aws-Parameters-Secrets-Token", "token")
			w := &discarded{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				s.http.Handler.ServeHTTP(w, req)
			}
			if w.header.Get("Age") == "" {
				b.Fatalf("not answered: %v", w.header)
			}
		})
	}
}
