package client_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/larder-secrets/larder/agent/client"
)

// sentinels are what an error can be.
var sentinels = []error{client.ErrNoAgent, client.ErrToken, client.ErrNotFound, client.ErrDenied, client.ErrInvalid, client.ErrUnavailable, client.ErrJSON}

// FuzzAnswer has something on the agent's port answer anything: a value is what
// stands in an answer of status 200, byte for byte, and all else is one kind of
// error, which holds nothing of what is no error's text.
func FuzzAnswer(f *testing.F) {
	var status int
	var contentType string
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		w.WriteHeader(status)
		w.Write(body)
	}))
	f.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	c := reader(f, map[string]string{"LARDER_PORT": port, "AWS_TOKEN": "token"})
	f.Fuzz(func(t *testing.T, code uint, kind string, text []byte) {
		if strings.ContainsFunc(kind, unicode.IsControl) {
			t.Skip("no header holds this")
		}
		status, contentType, body = 200+int(code%400), kind, text
		value, err := c.Secret("a").Value(t.Context())
		if status == http.StatusOK {
			if err != nil || value != string(text) {
				t.Errorf("Value = %q, %v; want %q", value, err, text)
			}
			wantJSON(t, c, text)
			return
		}
		is := 0
		for _, sentinel := range sentinels {
			if errors.Is(err, sentinel) {
				is++
			}
		}
		if value != "" || is != 1 {
			t.Fatalf("status %d: Value = %q, %v", status, value, err)
		}
		var problem struct{ Detail string }
		known := kind == "application/problem+json" && json.Unmarshal(text, &problem) == nil
		if known && !strings.Contains(err.Error(), problem.Detail) || !known && !strings.Contains(err.Error(), fmt.Sprintf("(status %d) is not a Larder agent", status)) {
			t.Errorf("status %d, %q, %q: %v", status, kind, text, err)
		}
		if !known && !errors.Is(err, client.ErrNoAgent) {
			t.Errorf("status %d, %q: %v", status, kind, err)
		}
	})
}

// jsonSaid is all that is said about a value that is not the JSON that was
// expected.
var jsonSaid = regexp.MustCompile(`^secret "a": the value (is not valid JSON \(at byte \d+\)|does not fit into a (float64|int|map\[string\]int))$`)

// wantJSON fails t unless ValueJSON reads text as encoding/json does and quotes
// nothing of it where that fails.
func wantJSON(t *testing.T, c *client.Client, text []byte) {
	t.Helper()
	var got, want any
	err, wantErr := c.Secret("a").ValueJSON(t.Context(), &got), json.Unmarshal(text, &want)
	if (err == nil) != (wantErr == nil) || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ValueJSON: %v, %v; want %v, %v", got, err, want, wantErr)
	}
	if err != nil && (!errors.Is(err, client.ErrJSON) || !jsonSaid.MatchString(err.Error())) {
		t.Errorf("ValueJSON: %v", err)
	}
	err = c.Secret("a").ValueJSON(t.Context(), new(map[string]int))
	if err != nil && (!errors.Is(err, client.ErrJSON) || !jsonSaid.MatchString(err.Error())) {
		t.Errorf("ValueJSON into another type: %v", err)
	}
}

// FuzzToken finds the same token in the environment and in files of any text, and
// one that a header carries.
func FuzzToken(f *testing.F) {
	dir := f.TempDir()
	vars := map[string]string{"XDG_RUNTIME_DIR": dir}
	getenv := func(name string) string { return vars[name] }
	path, err := client.TokenFile(getenv)
	if err != nil {
		f.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 32<<10 {
			t.Skip("this much is not read")
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		token, err := client.ReadTokenFile(path)
		vars["AWS_TOKEN"] = "file://" + path
		if named, namedErr := client.EnvToken(getenv, false); named != token || (namedErr == nil) != (err == nil) {
			t.Errorf("by its path the token is %q (%v), as the agent's own %q (%v)", named, namedErr, token, err)
		}
		vars["AWS_TOKEN"] = text
		set, setErr := client.EnvToken(getenv, false)
		if plain := strings.TrimSpace(text) != "" && !strings.HasPrefix(strings.TrimSpace(text), "file://"); plain && (set != token || (setErr == nil) != (err == nil)) {
			t.Errorf("in the variable the token is %q (%v), in a file %q (%v)", set, setErr, token, err)
		}
		if err != nil {
			if token != "" || len(text) > 3 && strings.Contains(strings.ReplaceAll(err.Error(), path, ""), text) {
				t.Errorf("%q beside the error %v", token, err)
			}
			return
		}
		carried, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x\r\nX-Vault-Token: " + token + "\r\n\r\n")))
		if err != nil || len(carried.Header) != 1 || carried.Header.Get("X-Vault-Token") != token || token == "" {
			t.Errorf("no header carries the token %q: %v", token, err)
		}
	})
}
