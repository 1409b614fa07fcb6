package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// api is an Extensions API that lets everybody register, and asked for the first
// event sends none or, where it invokes, an INVOKE of which no end is seen; asked is
// when somebody asked for an event that does not come.
type api struct {
	listener          net.Listener
	server            *http.Server
	registered, asked chan time.Time
}

func newAPI(invokes bool) (*api, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &api{listener: l, registered: make(chan time.Time, 1), asked: make(chan time.Time, 1)}
	mux := http.NewServeMux()
	var registrations atomic.Int64
	var invoked sync.Map // identifiers
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		note(a.registered)
		w.Header().Set("Lambda-Extension-Identifier", fmt.Sprintf("00000000-0000-4000-8000-%012d", registrations.Add(1)))
		io.WriteString(w, `{"functionName":"f","functionVersion":"1","handler":"h"}`)
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(w http.ResponseWriter, r *http.Request) {
		if _, before := invoked.LoadOrStore(r.Header.Get("Lambda-Extension-Identifier"), true); invokes && !before {
			fmt.Fprintf(w, `{"eventType":"INVOKE","deadlineMs":%d,"requestId":"r","invokedFunctionArn":"arn"}`, time.Now().Add(time.Hour).UnixMilli())
			return
		}
		note(a.asked)
		<-r.Context().Done()
	})
	a.server = &http.Server{Handler: mux}
	go a.server.Serve(l)
	return a, nil
}

// note sends the time, unless the one before has not been taken yet.
func note(to chan time.Time) {
	select {
	case to <- time.Now():
	default:
	}
}

// forget drops what has come late of the program before.
func (a *api) forget() {
	for _, c := range []chan time.Time{a.registered, a.asked} {
		select {
		case <-c:
		default:
		}
	}
}

// awaited is when what c tells of happened.
func (a *api) awaited(ctx context.Context, c <-chan time.Time) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case when := <-c:
		return when, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("it has not come so far: %w", ctx.Err())
	}
}

func (a *api) address() string { return a.listener.Addr().String() }

func (a *api) close() { a.server.Close() }
