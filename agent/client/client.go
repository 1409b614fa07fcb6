// Package client reads secrets from the Larder agent on the same machine: in a
// Lambda function from the extension beside it, elsewhere from `larder serve`.
//
//	var apiKey = client.Secret("my-api-key")
//
//	func handler(ctx context.Context) error {
//		key, err := apiKey.Value(ctx)
//		...
//	}
//
// A read costs a round trip on the loopback interface; what is behind it (the
// cloud, caching, refreshing) is the agent's business. Reads work from init, from
// main and from the handler. The package imports nothing beyond the standard
// library, reads no secret by itself and holds none: it is no replacement for
// the agent.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// Client asks one agent. The zero Client asks the one that the environment
// names, which is right nearly always; [Secret] uses one such.
type Client struct {
	// Getenv reads the environment; nil means [os.Getenv].
	Getenv func(string) string

	once  sync.Once
	http  *http.Client
	token tokenCache
}

var standard Client

// Secret names a secret, which is read when [Ref.Value] or [Ref.ValueJSON] is
// called. The name is that of the store (or an ARN); a scheme such as file: or
// aws: chooses another backend than the agent's own.
func Secret(name string) Ref { return standard.Secret(name) }

// Secret is [Secret] for this client.
func (c *Client) Secret(name string) Ref { return Ref{client: c, name: name} }

// Ref is a named secret. It holds no value.
type Ref struct {
	client           *Client
	name, key, stage string
	fresh            bool
}

// Key returns a Ref to one top-level member of a secret that is a JSON object.
func (r Ref) Key(name string) Ref {
	r.key = name
	return r
}

// Stage returns a Ref to the version that carries a stage, such as AWSPREVIOUS;
// without one it is AWSCURRENT.
func (r Ref) Stage(name string) Ref {
	r.stage = name
	return r
}

// Fresh returns a Ref whose reads bypass the agent's cache. The agent answers
// one such read a second for each secret.
func (r Ref) Fresh() Ref {
	r.fresh = true
	return r
}

// Value returns the secret's value. The error is an [*Error] and matches one of
// this package's Err variables, or is that of ctx.
func (r Ref) Value(ctx context.Context) (string, error) {
	body, err := r.client.get(ctx, r)
	return string(body), err
}

// ValueJSON stores the value, which is JSON of any type, in what v points to, as
// [json.Unmarshal] does. Its errors quote nothing of the value.
func (r Ref) ValueJSON(ctx context.Context, v any) error {
	body, err := r.client.get(ctx, r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &Error{Secret: r.String(), Problem: jsonProblem(err, v), kind: ErrJSON}
	}
	return nil
}

// String returns the secret's name, with its key.
func (r Ref) String() string {
	if r.key == "" {
		return r.name
	}
	return r.name + "#" + r.key
}

// path is what the agent is asked.
func (r Ref) path() string {
	query := url.Values{"name": {r.name}}
	if r.key != "" {
		query.Set("key", r.key)
	}
	if r.stage != "" {
		query.Set("versionStage", r.stage)
	}
	if r.fresh {
		query.Set("refresh", "true")
	}
	return "/secret?" + query.Encode()
}

// jsonProblem says what does not fit and where, but not what stands there, which
// the errors of encoding/json do.
func jsonProblem(err error, v any) string {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("the value is not valid JSON (at byte %d)", syntax.Offset)
	case errors.As(err, &mismatch) && mismatch.Field != "":
		return fmt.Sprintf("the value's %q does not fit into a %s", mismatch.Field, mismatch.Type)
	case errors.As(err, &mismatch):
		return fmt.Sprintf("the value does not fit into a %s", mismatch.Type)
	default:
		return fmt.Sprintf("the value does not fit into a %T", v)
	}
}

func (c *Client) getenv(name string) string {
	if c.Getenv != nil {
		return c.Getenv(name)
	}
	return os.Getenv(name)
}

// timeout bounds a read whose context has no deadline: longer than the agent
// itself waits for a backend.
const timeout = 35 * time.Second
