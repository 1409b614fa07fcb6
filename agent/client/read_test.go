package client_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/client"
)

func TestValue(t *testing.T) {
	c := connect(t, startAgent(t, 0, "token"))
	tests := []struct {
		name string
		ref  client.Ref
		want string
	}{
		{"text", c.Secret("my-api-key"), "abc123"},
		{"with a scheme", c.Secret("file:my-api-key"), "abc123"},
		{"lines", c.Secret("lines"), "a\nb ä\n"},
		{"a number", c.Secret("number"), "42"},
		{"JSON", c.Secret("list"), `["` + planted + `"]`},
		{"a key", c.Secret("database").Key("user"), "app"},
		{"a key that is a number", c.Secret("database").Key("port"), "5432"},
		{"the current stage", c.Secret("my-api-key").Stage("AWSCURRENT"), "abc123"},
		{"fresh", c.Secret("my-api-key").Fresh(), "abc123"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := test.ref.Value(t.Context()); err != nil || got != test.want {
				t.Errorf("Value = %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestValueJSON(t *testing.T) {
	c := connect(t, startAgent(t, 0, "token"))
	var number int
	if err := c.Secret("number").ValueJSON(t.Context(), &number); err != nil || number != 42 {
		t.Errorf("a number: %d, %v", number, err)
	}
	var database struct {
		User, Password string
		Port           int
	}
	if err := c.Secret("database").ValueJSON(t.Context(), &database); err != nil || database.User != "app" || database.Password != planted || database.Port != 5432 {
		t.Errorf("an object: %+v, %v", database, err)
	}
	var list []string
	if err := c.Secret("list").ValueJSON(t.Context(), &list); err != nil || len(list) != 1 {
		t.Errorf("an array: %v, %v", list, err)
	}
	var any any
	if err := c.Secret("database").Key("port").ValueJSON(t.Context(), &any); err != nil || any != float64(5432) {
		t.Errorf("a key: %v, %v", any, err)
	}
}

// odd refuses every text and quotes it.
type odd struct{}

func (*odd) UnmarshalJSON(text []byte) error { return errors.New("odd: " + string(text)) }

func TestValueJSONQuotesNothing(t *testing.T) {
	c := connect(t, startAgent(t, 0, "token"))
	tests := []struct {
		name, secret string
		into         any
		says         string
	}{
		{"no JSON", "text", new(string), "not valid JSON (at byte 1)"},
		{"JSON that is cut off", "cut", new(any), "not valid JSON (at byte 7)"},
		{"another type", "list", new(map[string]string), "does not fit into a map[string]string"},
		{"another type within", "database", &struct{ Password int }{}, `"Password" does not fit into a int`},
		{"a number too large", "number", &struct{}{}, "does not fit"},
		{"a type that quotes", "database", new(odd), "does not fit into a *client_test.odd"},
		{"a time", "database", &struct{ Password time.Time }{}, "does not fit"},
		{"a nil pointer", "database", (*struct{})(nil), "does not fit"},
		{"no pointer", "database", struct{}{}, "does not fit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := c.Secret(test.secret).ValueJSON(t.Context(), test.into)
			if !errors.Is(err, client.ErrJSON) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), `"`+test.secret+`"`) {
				t.Fatalf("ValueJSON: %v; want ErrJSON that says %q", err, test.says)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), planted) || strings.Contains(e.Error(), "hunter") || strings.Contains(e.Error(), "'h'") || strings.Contains(e.Error(), "42") {
					t.Errorf("the error quotes the value: %v", e)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	failing := func(kind agent.Kind) agent.Source {
		return agent.Source{TTL: math.MaxInt64, Open: func(context.Context) (agent.Backend, error) {
			return nil, &agent.Error{Kind: kind, Status: 500, Code: "C", Message: "what happened", Hint: "what to do"}
		}}
	}
	tests := []struct {
		name   string
		client func(t *testing.T) client.Ref
		is     error
		status int
		says   string
	}{
		{"not found", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("none") }, client.ErrNotFound, 404, "none"},
		{"no such key", func(t *testing.T) client.Ref {
			return connect(t, startAgent(t, 0, "token")).Secret("database").Key("x")
		}, client.ErrNotFound, 404, `no key "x"`},
		{"no such stage", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("text").Stage("X") }, client.ErrNotFound, 404, "X"},
		{"an empty value", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("empty") }, client.ErrInvalid, 400, "empty"},
		{"a name that is none", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("a\nb") }, client.ErrInvalid, 400, "white space"},
		{"no name", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("") }, client.ErrInvalid, 400, "name"},
		{"another backend", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "token")).Secret("aws:x") }, client.ErrDenied, 403, "aws"},
		{"denied", func(t *testing.T) client.Ref {
			return connect(t, serve(t, 0, "token", failing(agent.Denied))).Secret("x")
		}, client.ErrDenied, 403, "what happened: what to do"},
		{"unavailable", func(t *testing.T) client.Ref {
			return connect(t, serve(t, 0, "token", failing(agent.Unavailable))).Secret("x")
		}, client.ErrUnavailable, 500, "what happened"},
		{"throttled", func(t *testing.T) client.Ref {
			return connect(t, serve(t, 0, "token", failing(agent.Throttled))).Secret("x")
		}, client.ErrUnavailable, 429, "what happened"},
		{"another token", func(t *testing.T) client.Ref { return connect(t, startAgent(t, 0, "other")).Secret("text") }, client.ErrToken, 403, "bad token"},
	}
	sentinels := []error{client.ErrNoAgent, client.ErrToken, client.ErrNotFound, client.ErrDenied, client.ErrInvalid, client.ErrUnavailable, client.ErrJSON}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ref := test.client(t)
			_, err := ref.Value(t.Context())
			var e *client.Error
			if !errors.As(err, &e) || e.Status != test.status || e.Secret != ref.String() || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("Value: %+v; want status %d that says %q", err, test.status, test.says)
			}
			for _, sentinel := range sentinels {
				if errors.Is(err, sentinel) != (sentinel == test.is) {
					t.Errorf("errors.Is(%v, %q) = %v", err, sentinel, !(sentinel == test.is))
				}
			}
			if strings.Contains(err.Error(), planted) {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestRefString(t *testing.T) {
	r := client.Secret("a")
	if r.String() != "a" || r.Key("k").String() != "a#k" || r.String() != "a" {
		t.Errorf("%s, %s", r, r.Key("k"))
	}
}
