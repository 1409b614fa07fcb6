package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

func TestSecret(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", "one\n")
	r.store.put("path/to:it+x", "odd name")
	r.store.put("json", `{"user": "app", "port": 5432, "a key": "spaced", "none": ""}`)
	r.store.put("empty", "")
	binary := r.store.put("binary", "\x00\xff")
	binary.Binary = true
	r.store.put("plain", "x").Version = ""
	arn := "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-b1C2d3"
	r.store.put(arn, "by arn")
	previous := named("a")
	previous.Query = "versionStage=AWSPREVIOUS"
	r.store.on(previous, func(context.Context) agent.Result {
		return agent.Result{Secret: &agent.Secret{Name: "a", Version: "v0", Value: agent.NewValue([]byte("zero"))}}
	})
	all := named("a")
	all.Query = "roleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&versionId=v"
	r.store.on(all, func(context.Context) agent.Result {
		return agent.Result{Secret: &agent.Secret{Name: "a", Version: "v", Value: agent.NewValue([]byte("role"))}}
	})

	tests := []struct{ name, target, body, contentType, etag string }{
		{"a name", "/secret?name=a", "one\n", "text/plain; charset=utf-8", `"v1"`},
		{"a scheme", "/secret?name=aws:a", "one\n", "text/plain; charset=utf-8", `"v1"`},
		{"an ARN, as it stands", "/secret?name=" + arn, "by arn", "text/plain; charset=utf-8", `"v1"`},
		{"an ARN, escaped", "/secret?name=" + strings.ReplaceAll(arn, ":", "%3A"), "by arn", "text/plain; charset=utf-8", `"v1"`},
		{"a name, as it stands", "/secret?name=aws:path/to:it+x", "odd name", "text/plain; charset=utf-8", `"v1"`},
		{"a name, escaped", "/secret?name=aws%3Apath%2Fto%3Ait%2Bx", "odd name", "text/plain; charset=utf-8", `"v1"`},
		{"a key", "/secret?name=json&key=user", "app", "text/plain; charset=utf-8", `"v1"`},
		{"a key of a number", "/secret?key=port&name=json", "5432", "text/plain; charset=utf-8", `"v1"`},
		{"a key with a space", "/secret?name=json&key=a+key", "spaced", "text/plain; charset=utf-8", `"v1"`},
		{"an empty key", "/secret?name=a&key=", "one\n", "text/plain; charset=utf-8", `"v1"`},
		{"an empty member", "/secret?name=json&key=none", "", "text/plain; charset=utf-8", `"v1"`},
		{"bytes", "/secret?name=binary", "\x00\xff", "application/octet-stream", `"v1"`},
		{"no version", "/secret?name=plain", "x", "text/plain; charset=utf-8", ""},
		{"a stage", "/secret?name=a&versionStage=AWSPREVIOUS", "zero", "text/plain; charset=utf-8", `"v0"`},
		{"a role and an id", "/secret?name=a&versionId=v&roleArn=arn:aws:iam::1:role/r", "role", "text/plain; charset=utf-8", `"v"`},
		{"refresh=false", "/secret?name=a&refresh=false", "one\n", "text/plain; charset=utf-8", `"v1"`},
		{"refresh=TRUE", "/secret?name=a&refresh=TRUE", "one\n", "text/plain; charset=utf-8", `"v1"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := r.get(test.target)
			if a.StatusCode != 200 || a.body != test.body {
				t.Fatalf("status %d, %q; want %q", a.StatusCode, a.body, test.body)
			}
			h := a.Header
			if h.Get("Content-Type") != test.contentType || h.Get("Etag") != test.etag || h.Get("Age") != "0" || h.Get("Larder-Stale") != "" || a.ContentLength != int64(len(test.body)) {
				t.Errorf("header = %v", h)
			}
		})
	}
}

func TestSecretRefuses(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", planted)
	r.store.put("json", `{"user": "`+planted+`"}`)
	r.store.put("empty", "")
	tests := []struct {
		name, target string
		status       int
		code, says   string
	}{
		{"no name", "/secret", 400, "InvalidRequest", "missing parameter name"},
		{"an empty name", "/secret?name=", 400, "InvalidRequest", "missing parameter name"},
		{"an unknown parameter", "/secret?name=a&nope=1", 400, "InvalidRequest", `\"nope\"`},
		{"AWS's name for refresh", "/secret?name=a&refreshNow=true", 400, "InvalidRequest", `\"refreshNow\"`},
		{"a parameter in other case", "/secret?Name=a", 400, "InvalidRequest", `\"Name\"`},
		{"a name twice", "/secret?name=a&name=b", 400, "InvalidRequest", "more than once"},
		{"a stage twice", "/secret?name=a&versionStage=A&versionStage=B", 400, "InvalidRequest", "more than once"},
		{"an empty stage", "/secret?name=a&versionStage=", 400, "InvalidRequest", "versionStage"},
		{"a bad flag", "/secret?name=a&refresh=maybe", 400, "InvalidRequest", "refresh"},
		{"a broken escape", "/secret?name=%zz", 400, "InvalidRequest", "cannot be read"},
		{"a semicolon", "/secret?name=a;key=b", 400, "InvalidRequest", "cannot be read"},
		{"a query in the name", "/secret?name=a%3FversionStage=X", 400, "InvalidRequest", "? or #"},
		{"a key in the name", "/secret?name=json%23user", 400, "InvalidRequest", "? or #"},
		{"a line break in the name", "/secret?name=a%0Ab", 400, "InvalidRequest", "white space"},
		{"a backend that is not configured", "/secret?name=file:/etc/passwd", 403, "BackendNotConfigured", "file"},
		{"a scheme that is none", "/secret?name=..:a", 400, "InvalidRequest", "not a scheme"},
		{"an ARN of another service", "/secret?name=arn:aws:s3:::b", 400, "InvalidRequest", "not one of a secret"},
		{"a secret that does not exist", "/secret?name=none", 404, "ResourceNotFoundException", "none"},
		{"a key that does not exist", "/secret?name=json&key=none", 404, "KeyNotFound", `json`},
		{"a secret without a value", "/secret?name=empty", 404, "EmptySecret", `\"empty\" has no value`},
		{"a key of what is no JSON", "/secret?name=a&key=user", 400, "InvalidJSON", "not valid JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := r.get(test.target)
			a.want(t, test.status, test.says)
			var problem struct {
				Title, Code, Detail string
				Status              int
			}
			if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
				t.Fatalf("%s: %v", a.body, err)
			}
			if problem.Status != test.status || problem.Code != test.code || problem.Title == "" || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%+v, %v", problem, a.Header)
			}
			if strings.Contains(a.body, planted) || a.Header.Get("Etag") != "" {
				t.Errorf("a refusal shows too much: %v %s", a.Header, a.body)
			}
		})
	}
}

func TestFailuresHaveTheirStatus(t *testing.T) {
	tests := []struct {
		name         string
		err          agent.Error
		status, aws  int
		retryAfter   string
		code, detail string
	}{
		{"not found", agent.Error{Kind: agent.NotFound, Status: 400, Code: "ResourceNotFoundException", Message: "m"}, 404, 400, "", "ResourceNotFoundException", "m"},
		{"denied", agent.Error{Kind: agent.Denied, Status: 400, Code: "AccessDeniedException", Message: "m", Action: "s:Get", Hint: "h"}, 403, 400, "", "AccessDeniedException", "m (missing permission: s:Get): h"},
		{"invalid", agent.Error{Kind: agent.Invalid, Status: 400, Code: "C", Message: `quote " < slash \`}, 400, 400, "", "C", `quote " < slash \`},
		{"throttled", agent.Error{Kind: agent.Throttled, Status: 400, Code: "ThrottlingException", Message: "m", RetryAfter: 1200 * time.Millisecond}, 429, 429, "2", "ThrottlingException", "m"},
		{"unavailable", agent.Error{Kind: agent.Unavailable, Status: 503, Code: "C", Message: "m"}, 503, 503, "", "C", "m"},
		{"timed out", agent.Error{Kind: agent.Unavailable, Status: 504, Code: "TimeoutError", Message: "m"}, 504, 504, "", "TimeoutError", "m"},
		{"unavailable with a client's status", agent.Error{Kind: agent.Unavailable, Status: 400, Code: "C", Message: "m"}, 502, 502, "", "C", "m"},
		{"unavailable without status", agent.Error{Kind: agent.Unavailable, Code: "C", Message: "m"}, 502, 502, "", "C", "m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, nil)
			r.store.fail("a", test.err)
			var problem struct{ Code, Detail string }
			a := r.get("/secret?name=a")
			if err := json.Unmarshal([]byte(a.body), &problem); err != nil || a.StatusCode != test.status || problem.Code != test.code || problem.Detail != test.detail {
				t.Errorf("/secret: %d %s (%v)", a.StatusCode, a.body, err)
			}
			if got := a.Header.Get("Retry-After"); got != test.retryAfter {
				t.Errorf("Retry-After = %q, want %q", got, test.retryAfter)
			}
			var awsProblem map[string]string
			a = r.get("/secretsmanager/get?secretId=a")
			if err := json.Unmarshal([]byte(a.body), &awsProblem); err != nil || a.StatusCode != test.aws || len(awsProblem) != 2 ||
				awsProblem["__type"] != test.code || awsProblem["message"] != test.detail || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("/secretsmanager/get: %d %s (%v)", a.StatusCode, a.body, err)
			}
		})
	}
}

func TestStaleIsMarked(t *testing.T) {
	r := start(t, func(c *agent.Config, _ *server.Config) {
		source := c.Sources["aws"]
		source.TTL = time.Nanosecond // stale at once
		c.Sources["aws"], c.MaxStale, c.RefreshWait = source, time.Hour, 5*time.Second
	})
	r.store.put("a", "one")
	if a := r.get("/secret?name=a"); a.Header.Get("Larder-Stale") != "" {
		t.Errorf("what has just been fetched is marked stale")
	}
	r.store.fail("a", agent.Error{Kind: agent.Unavailable, Message: "down"})
	for _, target := range []string{"/secret?name=a", "/secretsmanager/get?secretId=a"} {
		a := r.get(target)
		a.want(t, 200, "one")
		if a.Header.Get("Larder-Stale") != "true" {
			t.Errorf("%s: header = %v", target, a.Header)
		}
	}
	r.get("/secret?name=a&refresh=true").want(t, 502, "down")
}

func TestRefreshIsLimited(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", "one")
	r.get("/secret?name=a&refresh=1").want(t, 200, "one")
	a := r.get("/secret?name=a&refresh=1")
	a.want(t, 429, "TooManyRequests")
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q", a.Header.Get("Retry-After"))
	}
}

// A client that has said all it has to say may still be listening: what it
// hears must not look like a value.
func TestHalfClosedConnection(t *testing.T) {
	r := start(t, nil)
	asked := make(chan struct{})
	answer := make(chan agent.Result)
	r.store.on(named("slow"), func(context.Context) agent.Result {
		close(asked)
		return <-answer
	})
	conn, err := net.Dial("tcp", r.host())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /secret?name=slow HTTP/1.1\r\nHost: "+r.host()+"\r\nX-Vault-Token: "+token+"\r\nConnection: close\r\n\r\n")
	<-asked
	conn.(*net.TCPConn).CloseWrite()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	text, err := io.ReadAll(conn)
	close(answer)
	if err != nil || strings.Contains(string(text), " 200 ") {
		t.Errorf("the answer is %q (%v)", text, err)
	}
}
