package agenttest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Server is a server on a loopback socket that notes each call, and to which a
// test says what goes wrong with which. [AWS] and [NewProxy] are made of it. All
// methods may be called from any goroutine.
type Server struct {
	URL string

	http   *httptest.Server
	answer http.Handler // what happens where nothing goes wrong

	mu          sync.Mutex // guards all below
	faults      map[string]func(Call) Fault
	calls       []Call
	numbers     map[string]int // of the last call, by operation
	running     int
	mostRunning int
	open        map[net.Conn]bool
	opened      int
	mostOpen    int
	tls         TLSFault
}

// newServer starts a server that ends with t.
func newServer(t testing.TB, answer http.Handler, secure bool) *Server {
	t.Helper()
	s := &Server{answer: answer, faults: map[string]func(Call) Fault{}, numbers: map[string]int{}, open: map[net.Conn]bool{}}
	s.http = httptest.NewUnstartedServer(s)
	s.http.EnableHTTP2 = secure // as AWS has it
	s.http.Config.ConnState = s.connection
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that a fault has cut
	if secure {
		s.http.TLS = &tls.Config{GetConfigForClient: s.handshake}
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL
	t.Cleanup(func() {
		s.http.CloseClientConnections() // ends the calls that hang
		s.http.Close()
	})
	return s
}

// On lets choose say what goes wrong with each call of operation from now on;
// nil, from it or in its place, is nothing. The empty operation stands for all
// that have no choice of their own.
func (s *Server) On(operation string, choose func(Call) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = choose
}

// Always lets the same go wrong with every call of operation.
func (s *Server) Always(operation string, fault Fault) {
	s.On(operation, func(Call) Fault { return fault })
}

// ServeHTTP notes the call and answers it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := readCall(r)
	choose := s.begin(&call)
	defer s.end()
	var fault Fault
	if choose != nil {
		fault = choose(call)
	}
	if fault == nil {
		s.answer.ServeHTTP(w, r)
		return
	}
	fault(w, r, s.answer)
}

// begin files the call, gives it its number and returns who chooses its fault.
func (s *Server) begin(call *Call) func(Call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[call.Operation]++
	call.Number = s.numbers[call.Operation]
	s.calls = append(s.calls, *call)
	s.running++
	s.mostRunning = max(s.mostRunning, s.running)
	if choose, ok := s.faults[call.Operation]; ok {
		return choose
	}
	return s.faults[""]
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// connection is told of each connection's state.
func (s *Server) connection(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open[conn] = true
		s.opened++
		s.mostOpen = max(s.mostOpen, len(s.open))
	case http.StateClosed, http.StateHijacked:
		delete(s.open, conn)
	}
}

// Calls returns the calls of operation in the order in which they came; all, if
// operation is empty.
func (s *Server) Calls(operation string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool {
		return operation != "" && c.Operation != operation
	})
}

// Operations counts the calls of each operation.
func (s *Server) Operations() map[string]int {
	counts := map[string]int{}
	for _, call := range s.Calls("") {
		counts[call.Operation]++
	}
	return counts
}

// MostRunning returns how many calls were under way at once, at most.
func (s *Server) MostRunning() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mostRunning
}

// Connections returns how many connections were made, and how many of them were
// open at once, at most.
func (s *Server) Connections() (made, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.mostOpen
}

// Forget starts the counts anew. The faults stay, and so do the connections.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.numbers, s.mostRunning = nil, map[string]int{}, s.running
	s.opened, s.mostOpen = len(s.open), len(s.open)
}

// CloseIdle ends all connections at the server's side, as a server does that
// has been left alone for long.
func (s *Server) CloseIdle() { s.http.CloseClientConnections() }
