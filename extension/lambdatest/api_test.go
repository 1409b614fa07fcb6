package lambdatest

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// request makes a request from the test itself.
func request(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Add(header[n], header[n+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

const invokePath = "/2015-03-31/functions/function/invocations"

func TestInvokeEndpoint(t *testing.T) {
	t.Parallel()
	l := start(t, Config{FunctionName: "shop"}, scripts{"alpha": "", "function": ""})
	mustInit(t, l)
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:shop"
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
		functionError    string
		answer           string
	}{
		{name: "success", body: `{"a":1}`, status: 200, answer: `{"a":1}`},
		{name: "empty payload", status: 200, answer: `{}`},
		{name: "by name", path: "/2015-03-31/functions/shop/invocations", body: `1`, status: 200, answer: `1`},
		{name: "by ARN", path: "/2015-03-31/functions/" + strings.ReplaceAll(arn, ":", "%3A") + "/invocations", body: `2`, status: 200, answer: `2`},
		{name: "dry run", header: []string{"X-Amz-Invocation-Type", "DryRun"}, status: 204},
		{name: "asynchronous", header: []string{"X-Amz-Invocation-Type", "Event"}, status: 400, answer: "RequestResponse"},
		{name: "another function", path: "/2015-03-31/functions/other/invocations", status: 404, answer: "Function not found"},
		{name: "too large", body: strings.Repeat(" ", maxRequest+1), status: 413, answer: "6291456"},
		{name: "largest", body: `"` + strings.Repeat("z", maxRequest-2) + `"`, status: 200, answer: "zz"},
		{name: "handler's error", body: `{"Do":"error"}`, status: 200, functionError: "Unhandled", answer: "HandlerError"},
		{name: "response too large", body: `{"Do":"large"}`, status: 200, functionError: "Unhandled", answer: ResponseTooLarge},
		{name: "crash", body: `{"Do":"exit:1"}`, status: 200, functionError: "Unhandled", answer: RuntimeExitError},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path
			if path == "" {
				path = invokePath
			}
			response, body := request(t, "POST", l.URL()+path, c.body, c.header...)
			if response.StatusCode != c.status || !strings.Contains(body, c.answer) {
				t.Fatalf("%s %.200s, want %d with %q", response.Status, body, c.status, c.answer)
			}
			if got := response.Header.Get("X-Amz-Function-Error"); got != c.functionError {
				t.Errorf("function error %q, want %q", got, c.functionError)
			}
			if c.status == 200 && (response.Header.Get("X-Amz-Executed-Version") != "$LATEST" || response.Header.Get("X-Amzn-RequestId") == "") {
				t.Errorf("headers %v", response.Header)
			}
			if c.status != 204 && response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("content type %q", response.Header.Get("Content-Type"))
			}
		})
	}
}

func TestInvokeEndpointTimeout(t *testing.T) {
	t.Parallel()
	l := start(t, Config{Timeout: time.Second, ShutdownTimeout: time.Second}, scripts{"alpha": "", "function": ""})
	mustInit(t, l)
	response, body := request(t, "POST", l.URL()+invokePath, `{"Do":"hang"}`)
	want := response.Header.Get("X-Amzn-RequestId") + " Task timed out after 1.00 seconds"
	if response.StatusCode != 200 || response.Header.Get("X-Amz-Function-Error") != "Unhandled" || !strings.Contains(body, want) {
		t.Errorf("%s %v %s", response.Status, response.Header, body)
	}
}

// TestInvokeEndpointOrder has a slow extension: the caller has its answer at
// once, and the next invocation waits.
func TestInvokeEndpointOrder(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{}, scripts{"alpha": "invoke=wait:" + gate, "function": ""})
	mustInit(t, l)
	if _, body := request(t, "POST", l.URL()+invokePath, `"one"`); body != `"one"` {
		t.Fatal(body)
	}
	second := make(chan string)
	go func() {
		_, body := request(t, "POST", l.URL()+invokePath, `"two"`)
		second <- body
	}()
	eventually(t, "the extension is busy", func() bool { return len(lines(l, "alpha", "event:")) == 1 })
	select {
	case body := <-second:
		t.Error("the second invocation has not waited:", body)
	default:
	}
	touch(t, gate)
	if body := <-second; body != `"two"` {
		t.Error(body)
	}
}

func TestExtensionsAPI(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{}, scripts{"alpha": "before=wait:" + gate, "function": ""})
	initialised := make(chan error)
	go func() {
		_, err := l.Init(t.Context())
		initialised <- err
	}()
	eventually(t, "the extension runs", func() bool { return l.Process("alpha").PID != 0 })
	name := []string{"Lambda-Extension-Name", "inside"}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		answer                   string
	}{
		{"no name", "POST", "register", `{"events":[]}`, nil, 403, "Extension.InvalidExtensionName"},
		{"not JSON", "POST", "register", `{`, name, 400, "InvalidRequestFormat"},
		{"unknown event", "POST", "register", `{"events":["SNAP"]}`, name, 403, `{"errorMessage":"SNAP: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`},
		{"internal extension wants SHUTDOWN", "POST", "register", `{"events":["SHUTDOWN"]}`, name, 403, `"SHUTDOWN: ErrorInvalidEventType"`},
		{"next without identifier", "GET", "event/next", "", nil, 403, "Extension.MissingExtensionIdentifier"},
		{"next with a stranger's", "GET", "event/next", "", []string{"Lambda-Extension-Identifier", newID()}, 403, "Extension.UnknownExtensionIdentifier"},
		{"error without identifier", "POST", "init/error", "{}", nil, 403, "Extension.MissingExtensionIdentifier"},
		{"error with a stranger's", "POST", "exit/error", "{}", []string{"Lambda-Extension-Identifier", "x"}, 403, "Extension.UnknownExtensionIdentifier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, body := request(t, c.method, l.URL()+"/2020-01-01/extension/"+c.path, c.body, c.header...)
			if response.StatusCode != c.status || !strings.Contains(body, c.answer) {
				t.Errorf("%s %s, want %d with %s", response.Status, body, c.status, c.answer)
			}
			if got := response.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
	if response, body := request(t, "GET", l.URL()+"/2018-06-01/runtime/invocation/next", ""); response.StatusCode != 403 {
		t.Errorf("a runtime's Next before there is one: %s %s", response.Status, body)
	}
	touch(t, gate)
	if err := <-initialised; err != nil {
		t.Fatal(err)
	}
	_, body := request(t, "POST", l.URL()+"/2020-01-01/extension/register", `{"events":[]}`, name...)
	if !strings.Contains(body, "Extension.RegistrationClosed") {
		t.Errorf("registering after INIT: %s", body)
	}
	_, body = request(t, "POST", l.URL()+"/2018-06-01/runtime/invocation/nonsense/response", `1`)
	if !strings.Contains(body, "InvalidRequestID") {
		t.Errorf("responding to nothing: %s", body)
	}
}

func TestInternalExtension(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "", "function": `internal=["SHUTDOWN"]`})
	mustDo(t, l, order{})
	l.Close()
	want := `403 {"errorMessage":"SHUTDOWN: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`
	if got := lines(l, functionProcess, "register:"); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
}
