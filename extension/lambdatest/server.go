package lambdatest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	headerTimeout = 30 * time.Second // from a request's first byte to the end of its headers
	bodyTimeout   = 30 * time.Second // for the body of a request, and for that of an answer
)

// api is the HTTP server of all APIs.
type api struct {
	addr        string
	server      *http.Server
	halted      atomic.Bool
	served      chan struct{}  // closed when Serve has returned
	connections sync.WaitGroup // their goroutines, handlers included
}

// listen serves the handler on a loopback address.
func listen(addr string, handler http.Handler) (*api, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("listen: %v is not a loopback address", listener.Addr())
	}
	a := &api{addr: listener.Addr().String(), served: make(chan struct{})}
	a.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ConnState:         a.count,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(a.served)
		a.server.Serve(listener) // until stop
	}()
	return a, nil
}

// count follows the connections. New ones are reported by the goroutine of
// Serve, closed ones as the last act of their own.
func (a *api) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		a.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		a.connections.Done()
	}
}

// stop closes the listener and all connections, which ends pending requests.
func (a *api) stop() error {
	a.halted.Store(true)
	return a.server.Close()
}

func (a *api) stopped() bool { return a.halted.Load() }

// close stops the server and waits for it.
func (a *api) close() error {
	err := a.stop()
	<-a.served
	a.connections.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// handler routes all APIs.
func (l *Lambda) handler() http.Handler {
	mux := http.NewServeMux()
	l.routeExtensions(mux)
	l.routeRuntime(mux)
	l.routeInvoke(mux)
	l.routeCredentials(mux)
	return mux
}

// readBody reads a body of at most limit bytes. tooLarge reports a longer one,
// whose rest is read and dropped: a client may not look at the answer before it
// has sent everything.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, tooLarge bool, err error) {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err = io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		io.Copy(io.Discard, r.Body)
		return nil, true, fmt.Errorf("body exceeds %d bytes", limit)
	}
	return body, false, err
}

// writeJSON writes a complete answer. Nobody is left to tell when it fails.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(bodyTimeout))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

// writeError writes an error of the Runtime or Extensions API.
func writeError(w http.ResponseWriter, status int, errorType, message string) {
	writeJSON(w, status, errorBody(errorType, message))
}

// writeAccepted is the answer to what needs none.
func writeAccepted(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, []byte(`{"status":"OK"}`))
}

// abandon closes the connection without an answer.
func abandon() { panic(http.ErrAbortHandler) }
