package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

// shared starts one server for all inputs of a target. It holds nothing, so that
// no input changes what another gets, and is full later than a fuzzer is fast:
// net/http keeps a connection for half a second after a request that it refused.
func shared(f *testing.F) *running {
	return start(f, func(c *agent.Config, s *server.Config) {
		c.Log, s.Log = nil, nil
		s.MaxConnections = 1 << 14
		source := c.Sources["aws"]
		source.TTL = 0
		c.Sources["aws"] = source
	})
}

// FuzzRequest sends what is left of a request line and of a header: one request,
// which has one answer, and without the token only /ping is answered with 200.
func FuzzRequest(f *testing.F) {
	r := shared(f)
	r.store.put("a", planted)
	f.Fuzz(func(t *testing.T, target, lines string, authentic bool) {
		header := "Host: $HOST\nConnection: close\n"
		if authentic {
			header += "$TOKEN\n"
		} else if strings.Contains(target+lines, token) || strings.Contains(target+lines, "$TOKEN") {
			t.Skip("this guesses the token")
		}
		if lines != "" {
			header += lines + "\n"
		}
		answers := r.converse(t, "GET "+target+" HTTP/1.1\n"+header+"\n")
		for _, a := range answers {
			if !authentic && (a.StatusCode == 200 && a.body != "healthy" || strings.Contains(a.body, planted)) {
				t.Errorf("answered without the token: %d %q", a.StatusCode, a.body)
			}
		}
		if len(answers) != 1 && !strings.Contains(target, "\n") && len(target+lines) < 1<<10 {
			t.Errorf("%d answers to one request", len(answers))
		}
	})
}

// FuzzWire holds whole conversations, of requests one behind the other and of
// what is none: no value without the token, no more answers than requests, and
// at the end the server hangs up.
func FuzzWire(f *testing.F) {
	r := shared(f)
	r.store.put("a", planted)
	f.Fuzz(func(t *testing.T, text string) {
		values := 0
		answers := r.converse(t, text+"\n\nGET /ping HTTP/1.1\nHost: $HOST\nConnection: close\n\n")
		for _, a := range answers {
			values += strings.Count(a.body, planted)
		}
		if tokens := strings.Count(r.written(text), token); values > tokens {
			t.Errorf("%d values for %d tokens", values, tokens)
		}
		if requests := 2 + strings.Count(text, "\n"); len(answers) > requests {
			t.Errorf("%d answers to %d requests at most", len(answers), requests)
		}
	})
}

// converse sends text on a connection of its own and returns the answers until
// the server hangs up. No answer is one that it fails to give.
func (r *running) converse(t *testing.T, text string) []*answer {
	t.Helper()
	mine := *r
	mine.t = t
	conn := mine.dial()
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	go io.WriteString(conn, r.written(text))
	var answers []*answer
	for from := bufio.NewReader(conn); ; {
		method := http.MethodGet
		if strings.Contains(text, http.MethodHead) {
			method = http.MethodHead // no body is looked for that may not be there
		}
		resp, err := http.ReadResponse(from, &http.Request{Method: method})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("neither answered nor hung up on: %q", text)
		}
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(resp.Body)
		a := &answer{resp, string(body)}
		wantSound(t, a)
		answers = append(answers, a)
	}
}

// wantSound fails t unless a is an answer that the server means to give.
func wantSound(t *testing.T, a *answer) {
	t.Helper()
	own := []int{200, 400, 403, 404, 405, 429}
	http1 := []int{100, 400, 413, 417, 431, 501, 505} // of net/http, before any handler
	guarded := a.Header.Get("Cache-Control") == "no-store" && a.Header.Get("X-Content-Type-Options") == "nosniff"
	switch {
	case guarded && !slices.Contains(own, a.StatusCode), !guarded && !slices.Contains(http1, a.StatusCode):
		t.Errorf("status %d, header %v: %s", a.StatusCode, a.Header, a.body)
	case a.StatusCode != 200 && strings.Contains(a.body, planted):
		t.Errorf("a refusal shows the value: %s", a.body)
	}
}

// FuzzQuery sends queries with the token, to a store that has every name and
// answers with how it was asked: for what the parameters say, by a plain reading
// of them, and for nothing else.
func FuzzQuery(f *testing.F) {
	r := shared(f)
	r.store.otherwise = func(ref agent.Reference) agent.Result {
		return agent.Result{Secret: &agent.Secret{Name: ref.ID, Value: agent.NewValue([]byte(ref.String()))}}
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, " \r\n#") {
			t.Skip("this ends the query")
		}
		for _, path := range []string{"/secret", "/secretsmanager/get", "/systemsmanager/parameters/get", "/v1/a%2F"} {
			r.store.forget()
			answers := r.converse(t, "GET "+path+"?"+query+" HTTP/1.1\nHost: $HOST\nConnection: close\n$TOKEN\n\n")
			if len(answers) != 1 {
				t.Fatalf("%s?%s: %d answers", path, query, len(answers))
			}
			want, clear := plainly(path, query)
			for _, ref := range r.store.forget() {
				if ref != want || !clear {
					t.Errorf("%s?%s asked for %+v, want %+v", path, query, ref, want)
				}
			}
			body, value := answers[0].body, want.String()
			if path != "/secret" {
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				value = `"` + members[path] + `":` + string(text)
			}
			if answers[0].StatusCode == 200 && (!strings.Contains(body, value) || path == "/secret" && body != value) {
				t.Errorf("%s?%s is answered %q, want %q", path, query, body, value)
			}
		}
	})
}

// members hold the value in what the paths answer.
var members = map[string]string{"/secretsmanager/get": "SecretString", "/systemsmanager/parameters/get": "Value", "/v1/a%2F": "SecretString"}

// plainly is what the query asks of the one backend that there is, where that is
// clear and may be asked at all. Of several parameters of one name the first
// counts where AWS's clients ask.
func plainly(path, query string) (ref agent.Reference, clear bool) {
	given, err := url.ParseQuery(query)
	for _, texts := range given {
		if err != nil || len(texts) > 1 && path == "/secret" {
			return agent.Reference{}, false
		}
	}
	ref = agent.Reference{Scheme: "aws", ID: strings.ReplaceAll(given.Get("secretId"), " ", "+")}
	names := []string{"versionStage", "versionId", "roleArn"}
	switch path {
	case "/secret":
		ref.ID = strings.TrimPrefix(strings.ReplaceAll(given.Get("name"), " ", "+"), "aws:")
		names = append(names, "version", "label")
	case "/systemsmanager/parameters/get":
		ref.ID = strings.ReplaceAll(given.Get("name"), " ", "+")
		names = []string{"roleArn", "version", "label"}
		for pair := range strings.SplitSeq(query, "&") { // the first of the two counts
			one, _ := url.ParseQuery(pair)
			if one.Has("version") || one.Has("label") {
				given.Del(map[bool]string{true: "label", false: "version"}[one.Has("version")])
				break
			}
		}
	case "/v1/a%2F":
		ref.ID = "a%2F"
	}
	version := url.Values{}
	for _, name := range names {
		if given.Has(name) {
			version.Set(name, given.Get(name))
		}
	}
	ref.Query = version.Encode()
	return ref, true
}
