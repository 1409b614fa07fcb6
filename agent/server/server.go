// Package server answers requests for secrets on localhost, and on nothing
// else: its own endpoint (/secret, /status, /ping) and those of AWS's
// Parameters and Secrets extension, so that code written for that one works
// unchanged. Every request passes the same guard: see guard.go for what is
// refused and why, and repeat.go for what need not pass it again.
//
//	s, err := server.Listen(server.Config{Port: 2773, Token: token, Cache: cache, Backend: "aws"})
//	go s.Serve()
//	defer s.Shutdown(ctx)
//
// It is not for serving beyond the machine: there is no TLS and no way to listen
// on another address.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// Config says what a [Server] answers with.
type Config struct {
	Port           int                    // 0: any free one
	Token          string                 // what each request must carry; empty: nothing
	NewToken       func() (string, error) // makes Token once the port is held; nil: it is given
	Cache          *agent.Cache
	Backend        string // the scheme of names without one
	PathPrefix     string // of secrets by name in the path; empty: /v1/
	MaxConnections int    // 0: 128
	Log            *slog.Logger
}

const (
	defaultConnections = 128
	spareConnections   = 16 // past the limit, to be told so
	maxHeaderBytes     = 32 << 10
	headerTimeout      = 5 * time.Second
	writeTimeout       = time.Minute
)

// Server listens on both loopback addresses.
type Server struct {
	config    Config
	port      int
	hosts     map[string]bool // accepted Host headers
	listeners []net.Listener
	http      *http.Server
	open      atomic.Int64 // connections
}

// Listen takes the port on 127.0.0.1 and, where the machine has it, on ::1. A
// port that somebody else holds on either is an error: a client that asked there
// would show them its token.
func Listen(config Config) (*Server, error) {
	if config.MaxConnections == 0 {
		config.MaxConnections = defaultConnections
	}
	if config.PathPrefix == "" {
		config.PathPrefix = "/v1/"
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config, port: config.Port}
	for _, address := range []string{"127.0.0.1", "::1"} {
		l, err := listen(net.JoinHostPort(address, strconv.Itoa(s.port)))
		if address == "::1" && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
			continue // no IPv6 here, so nobody can be asked there
		}
		if err != nil {
			s.close()
			return nil, listenError(address, s.port, err)
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		s.listeners = append(s.listeners, &listener{Listener: l, server: s})
	}
	if config.NewToken != nil {
		// Not before: who has the port already goes on with a token of theirs.
		token, err := config.NewToken()
		if err != nil {
			s.close()
			return nil, err
		}
		s.config.Token = token
	}
	s.hosts = hosts(s.port)
	s.http = &http.Server{
		Handler:           s.guard(s.routes()),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			ctx = context.WithValue(ctx, pathPrefix{}, config.PathPrefix)
			return context.WithValue(ctx, connection{}, c)
		},
		// OPTIONS * is for the guard too.
		DisableGeneralOptionsHandler: true,

		ErrorLog: slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// listen does without Multipath TCP, of which Go would make use and loopback
// cannot.
func listen(address string) (net.Listener, error) {
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	return c.Listen(context.Background(), "tcp", address)
}

// PortError says that the port cannot be listened on.
type PortError struct {
	Address string
	Err     error
}

func (e *PortError) Error() string {
	if errors.Is(e.Err, syscall.EADDRINUSE) {
		return fmt.Sprintf("port %s is taken by another process: set LARDER_PORT to a free one, or remove the other extension or agent", e.Address)
	}
	return fmt.Sprintf("cannot listen on %s: %v", e.Address, e.Err)
}

func (e *PortError) Unwrap() error { return e.Err }

func listenError(address string, port int, err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		err = number
	}
	return &PortError{Address: net.JoinHostPort(address, strconv.Itoa(port)), Err: err}
}

// Port returns the port that is listened on.
func (s *Server) Port() int { return s.port }

// Serve answers requests until Shutdown.
func (s *Server) Serve() error {
	errs := make([]error, len(s.listeners))
	var all sync.WaitGroup
	for i, l := range s.listeners {
		all.Go(func() {
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				errs[i] = err
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Shutdown stops listening and lets the requests under way end; those that have
// not when ctx ends are cut.
func (s *Server) Shutdown(ctx context.Context) {
	err := s.http.Shutdown(ctx)
	for err == nil && s.open.Load() > 0 { // a repeat is being answered, of which net/http knows nothing
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	if err != nil {
		s.http.Close()
	}
	s.close()
}

func (s *Server) close() {
	for _, l := range s.listeners {
		l.Close()
	}
}
