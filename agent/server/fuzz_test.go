package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

// FuzzRequest sends what is left of a request line and of a header: nothing
// panics, and without the token nothing but /ping is answered with 200.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ target, lines string }{
		{"/secret?name=a", ""},
		{"/secret?name=a&name=b", "X-Vault-Token: x"},
		{"/secretsmanager/get?secretId=a%", "Via: x"},
		{"/secret?name=%00&key=%ff", ""},
		{"//secret?name=a", ""},
		{"/ping", ""},
		{"/%70ing?x", ""},
		{"/status", ""},
		{"*", ""},
		{"http://x/secret?name=a", ""},
		{"/secret?;", "Transfer-Encoding: chunked"},
		{"/secret?name=a#k", "Host: x"},
	} {
		f.Add(seed.target, seed.lines, true)
		f.Add(seed.target, seed.lines, false)
	}
	f.Fuzz(func(t *testing.T, target, lines string, authentic bool) {
		r := start(t, func(c *agent.Config, s *server.Config) { c.Log, s.Log = nil, nil })
		r.store.put("a", planted)
		header := "Host: $HOST\nConnection: close\n"
		if authentic {
			header += "$TOKEN\n"
		} else if strings.Contains(lines, token) {
			t.Skip("this guesses the token")
		}
		if lines != "" {
			header += lines + "\n"
		}
		conn := r.dial()
		defer conn.Close()
		a, err := r.try(conn, "GET "+target+" HTTP/1.1\n"+header+"\n")
		if err != nil {
			return // such as a broken request that the server does not answer
		}
		if a.StatusCode == 500 {
			t.Errorf("a handler panicked for %q: %s", target, a.body)
		}
		if !authentic && (a.StatusCode == 200 && a.body != "healthy" || strings.Contains(a.body, planted)) {
			t.Errorf("answered without the token: %d %q", a.StatusCode, a.body)
		}
	})
}

// FuzzQuery sends queries with the token: whatever they hold, the backend is
// asked within its own scheme, and for a version only by the parameters for it.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"name=a", "name=a&key=k", "name=aws:a&versionStage=S", "name=file:a", "name=a%3Fx%3D1", "name=a&roleArn=%26versionId%3Dx", "name=a+b&refresh=1", "name=\xff", "name=%ff%fe", "secretId=a", "&&", "=&name"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsAny(query, " \r\n") {
			t.Skip("this ends the request line")
		}
		r := start(t, func(c *agent.Config, s *server.Config) {
			c.Log, s.Log = nil, nil
			c.Sources["other"] = agent.Source{Open: func(context.Context) (agent.Backend, error) { return nil, fmt.Errorf("not to be reached") }}
		})
		for _, path := range []string{"/secret", "/secretsmanager/get"} {
			conn := r.dial()
			a, err := r.try(conn, "GET "+path+"?"+query+" HTTP/1.1\nHost: $HOST\nConnection: close\n$TOKEN\n\n")
			conn.Close()
			if err == nil && a.StatusCode == 200 {
				t.Errorf("%s?%s is answered: %q", path, query, a.body)
			}
		}
		for _, ref := range r.store.asked {
			if ref.Scheme != "aws" || ref.Query != "" && !strings.Contains(ref.Query, "=") {
				t.Errorf("%q asked for %+v", query, ref)
			}
		}
	})
}
