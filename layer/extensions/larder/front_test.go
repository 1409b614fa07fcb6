package main

import (
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// front is an address before a backend at which, for a while, nobody listens.
type front struct {
	URL string

	address, target string
	running         sync.WaitGroup

	mu       sync.Mutex // guards all below
	listener net.Listener
	open     map[net.Conn]bool
}

// newFront starts a front of the server at url that ends with t.
func newFront(t *testing.T, url string) *front {
	t.Helper()
	f := &front{address: net.JoinHostPort("127.0.0.1", agenttest.Port(t)), target: strings.TrimPrefix(url, "http://"), open: map[net.Conn]bool{}}
	f.URL = "http://" + f.address
	f.listen(t)
	t.Cleanup(func() {
		f.refuse()
		f.running.Wait()
	})
	return f
}

func (f *front) listen(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listener = l
	f.running.Go(func() { f.accept(l) })
}

// refuse ends all connections and lets nobody make another.
func (f *front) refuse() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		endListening(f.listener)
		f.listener = nil
	}
	for conn := range f.open {
		conn.Close()
	}
}

// endListening closes l, of which a process that is being started may have a copy
// until it runs its own program.
func endListening(l net.Listener) {
	if raw, err := l.(*net.TCPListener).SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
	}
	l.Close()
}

// refused reports whether that is so; nil is no front.
func (f *front) refused() bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listener == nil
}

func (f *front) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		if f.listener != l { // accepted in the moment in which it was closed
			conn.Close()
		}
		f.open[conn] = true
		f.running.Go(func() { f.pass(conn) })
		f.mu.Unlock()
	}
}

// pass carries what the two sides say until one has gone.
func (f *front) pass(conn net.Conn) {
	defer func() {
		conn.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, conn)
	}()
	backend, err := net.Dial("tcp", f.target)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(conn, backend)
		conn.Close()
	})
	io.Copy(backend, conn)
	backend.Close()
	back.Wait()
}
