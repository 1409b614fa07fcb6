package extension_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-secrets/larder/extension"
)

func TestRegister(t *testing.T) {
	a := startAPI(t)
	f, err := a.client(t).Register(t.Context(), extension.Invoke, extension.Shutdown)
	want := &extension.Function{
		Name: "f", Version: "$LATEST", Handler: "h", AccountID: "123456789012",
		Events: []extension.EventType{extension.Invoke, extension.Shutdown},
	}
	if err != nil || !reflect.DeepEqual(f, want) {
		t.Errorf("Register = %+v, %v", f, err)
	}
	got := a.requests()[0]
	if got.method != "POST" || got.path != "/register" || got.header.Get("Lambda-Extension-Name") != "larder" || got.header.Get("Lambda-Extension-Accept-Feature") != "accountId" {
		t.Errorf("got %+v", got)
	}
	if events := fmt.Sprint(got.body); events != "map[events:[INVOKE SHUTDOWN]]" {
		t.Errorf("body %s", events)
	}
}

func TestNext(t *testing.T) {
	a := startAPI(t)
	c := a.client(t)
	if _, err := c.Register(t.Context(), extension.Invoke); err != nil {
		t.Fatal(err)
	}
	a.events <- `{"eventType":"INVOKE","deadlineMs":1700000000123,"requestId":"r","invokedFunctionArn":"arn","tracing":{"type":"X"}}`
	a.events <- `{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1700000000123}`
	e, err := c.Next(t.Context())
	if err != nil || *e != (extension.Event{Type: extension.Invoke, DeadlineMs: 1700000000123, RequestID: "r", InvokedFunctionARN: "arn"}) {
		t.Errorf("Next = %+v, %v", e, err)
	}
	if want := time.Date(2023, 11, 14, 22, 13, 20, 123e6, time.UTC); !e.Deadline().Equal(want) {
		t.Errorf("Deadline = %v, want %v", e.Deadline().UTC(), want)
	}
	e, err = c.Next(t.Context())
	if err != nil || e.Type != extension.Shutdown || e.ShutdownReason != "spindown" {
		t.Errorf("Next = %+v, %v", e, err)
	}
	got := a.requests()[1]
	if got.method != "GET" || got.path != "/event/next" || got.header.Get("Lambda-Extension-Identifier") != "the-identifier" {
		t.Errorf("got %+v", got)
	}
}

func TestReports(t *testing.T) {
	a := startAPI(t)
	c := a.client(t)
	if _, err := c.Register(t.Context(), extension.Invoke); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("LARDER_PORT: \"x\"\nis out of range")
	if err := c.InitError(t.Context(), "ConfigInvalid", cause); err != nil {
		t.Error(err)
	}
	if err := c.ExitError(t.Context(), "NextFailed", cause); err != nil {
		t.Error(err)
	}
	for i, want := range []struct{ path, kind string }{{"/init/error", "Extension.ConfigInvalid"}, {"/exit/error", "Extension.NextFailed"}} {
		got := a.requests()[1+i]
		if got.method != "POST" || got.path != want.path || got.header.Get("Lambda-Extension-Identifier") != "the-identifier" || got.header.Get("Lambda-Extension-Function-Error-Type") != want.kind {
			t.Errorf("got %+v", got)
		}
		if got.body["errorMessage"] != cause.Error() || got.body["errorType"] != want.kind || got.body["stackTrace"] == nil {
			t.Errorf("body %v", got.body)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"a refusal", refusal(400, "Extension.InvalidEventType"), "status 400, Extension.InvalidEventType because"},
		{"a refusal without reason", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status 500"},
		{"a refusal of lines", refusal(400, "a\n b\u0085"), "status 400, a b because"},
		{"a refusal that is no JSON", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "status 502"},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, "what is not JSON"},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			defer conn.Close()
			io.WriteString(conn, "220 ready\r\n")
		}, "does not answer"},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "what is not JSON"},
		{"another type", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[]`) }, "what is not JSON"},
		{"the connection's end", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "does not answer"},
		{"the connection's end within", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{}`)
		}, "does not answer"},
		{"too much", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"a":"`+strings.Repeat("x", 2<<20)+`"}`)
		}, "what is not JSON"},
	}
	t.Run("no identifier", func(t *testing.T) {
		a := startAPI(t)
		a.on("/register", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })
		if _, err := a.client(t).Register(t.Context(), extension.Invoke); err == nil || !strings.Contains(err.Error(), "identifier") {
			t.Errorf("Register: %v", err)
		}
	})
	for _, test := range tests {
		for _, path := range []string{"/register", "/event/next"} {
			t.Run(test.name+" to "+path, func(t *testing.T) {
				a := startAPI(t)
				a.on(path, test.answer)
				c := a.client(t)
				var err error
				if path == "/register" {
					_, err = c.Register(t.Context(), extension.Invoke)
				} else {
					_, err = c.Next(t.Context())
				}
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "http://") {
					t.Errorf("error %v, want one that says %q", err, test.says)
				}
				if strings.Contains(test.name, "refusal") {
					var refused *extension.APIError
					if !errors.As(err, &refused) || refused.Path != path {
						t.Errorf("error %T", err)
					}
				}
			})
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, err = extension.NewClient(address, "larder").Register(t.Context(), extension.Invoke)
	want := "the Extensions API at " + address + " does not answer /register: connection refused"
	if err == nil || err.Error() != want {
		t.Errorf("Register: %v, want %s", err, want)
	}
	for _, address := range []string{"", "a b", "http://x"} {
		if _, err := extension.NewClient(address, "larder").Register(t.Context(), extension.Invoke); err == nil {
			t.Errorf("Register with the address %q succeeds", address)
		}
	}
}

func TestContextEndsACall(t *testing.T) {
	a := startAPI(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.client(t).Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next: %v", err)
	}
}

func TestProxyAndRedirects(t *testing.T) {
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Store(true)
		io.WriteString(w, "{}")
	}))
	defer elsewhere.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, elsewhere.URL)
	}
	a := startAPI(t)
	if _, err := a.client(t).Register(t.Context(), extension.Invoke); err != nil {
		t.Error(err)
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		a.on("/register", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		var refused *extension.APIError
		if _, err := a.client(t).Register(t.Context(), extension.Invoke); !errors.As(err, &refused) || refused.Status != status {
			t.Errorf("a redirect: %v", err)
		}
	}
	if reached.Load() {
		t.Error("the proxy or the redirect's target was asked")
	}
}
