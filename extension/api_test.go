package extension_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/larder-secrets/larder/extension"
)

// request is one call as the API got it.
type request struct {
	method, path string
	header       http.Header
	body         map[string]any
}

// api is an Extensions API: it answers with what is set for the path, and
// without that as Lambda does. A call of /event/next takes the next event, and
// waits where there is none.
type api struct {
	address string
	events  chan string

	mu      sync.Mutex // guards both below
	answers map[string][]http.HandlerFunc
	got     []request
}

func startAPI(t testing.TB) *api {
	t.Helper()
	a := &api{events: make(chan string, 10), answers: map[string][]http.HandlerFunc{}}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.address = s.Listener.Addr().String()
	return a
}

// on sets the next answer to a path; of several each is given once.
func (a *api) on(path string, handler http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[path] = append(a.answers[path], handler)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/2020-01-01/extension")
	req := request{method: r.Method, path: path, header: r.Header}
	json.NewDecoder(r.Body).Decode(&req.body)
	a.mu.Lock()
	a.got = append(a.got, req)
	var answer http.HandlerFunc
	if queue := a.answers[path]; len(queue) > 0 {
		answer, a.answers[path] = queue[0], queue[1:]
	}
	a.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case path == "/register":
		w.Header().Set("Lambda-Extension-Identifier", "the-identifier")
		io.WriteString(w, `{"functionName":"f","functionVersion":"$LATEST","handler":"h","accountId":"123456789012"}`)
	case path == "/event/next":
		select {
		case event := <-a.events:
			io.WriteString(w, event)
		case <-r.Context().Done():
		}
	default:
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"status":"OK"}`)
	}
}

// calls returns method and path of all calls.
func (a *api) calls() string {
	var all []string
	for _, r := range a.requests() {
		all = append(all, r.method+" "+r.path)
	}
	return strings.Join(all, ", ")
}

func (a *api) requests() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got
}

func (a *api) client(t testing.TB) *extension.Client { return extension.NewClient(a.address, "larder") }

// refusal answers as the API refuses.
func refusal(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"errorMessage": "because", "errorType": kind})
	}
}
