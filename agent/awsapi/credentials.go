package awsapi

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// Call makes a call as role, or as the agent itself where that is empty. Where
// the credentials turn out to have expired before their time, as after a restore
// from a snapshot, they are loaded anew, and the call is made once more.
func Call[Out any](ctx context.Context, a *API, role string, call func(context.Context) (Out, error)) (Out, error) {
	involved := []*credentials{a.own}
	if role != "" {
		involved = []*credentials{a.assume(role), a.own} // the latter sign for the former
	}
	used := make([]string, len(involved))
	var out Out
	var err error
	for i, c := range involved {
		var found aws.Credentials
		if found, err = c.Retrieve(ctx); err != nil {
			break
		}
		used[i] = found.AccessKeyID
	}
	if err == nil {
		out, err = call(ctx)
	}
	for i, c := range involved {
		if !expired(err) {
			break
		}
		renewed, failure := c.renew(ctx, used[i])
		if renewed {
			return call(ctx)
		}
		if failure != nil {
			err = failure
		}
	}
	return out, err
}

// expired reports whether the service has refused the credentials as too old.
func expired(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "ExpiredToken")
}

// credentials are a provider that remembers what it last gave, and marks a
// failure to find any, which the SDK has no type for.
type credentials struct {
	source aws.CredentialsProvider
	place  credentialsPlace
	turn   chan struct{} // holds one token; whoever has it may renew

	mu   sync.Mutex // guards last
	last aws.Credentials
}

// credentialsPlace is where credentials come from.
type credentialsPlace int

const (
	fromLambda credentialsPlace = iota // the function's environment
	fromAnywhere
	fromRole // that was assumed: a failure to is told as the call's that it is
)

func newCredentials(source aws.CredentialsProvider, place credentialsPlace) *credentials {
	c := &credentials{source: source, place: place, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

func (c *credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.source == nil {
		return aws.Credentials{}, &noCredentials{lambda: c.place == fromLambda}
	}
	found, err := c.source.Retrieve(ctx)
	if err != nil {
		if ctx.Err() == nil && c.place != fromRole {
			err = &noCredentials{lambda: c.place == fromLambda, cause: err}
		}
		return aws.Credentials{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = found
	return found, nil
}

func (c *credentials) latest() aws.Credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// renew has credentials loaded anew that have expired, unless others are in use
// by now: of many calls that fail together one loads them. It reports whether a
// call may do better with what there is then; what is in the environment stays
// what it is.
func (c *credentials) renew(ctx context.Context, used string) (bool, error) {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { c.turn <- struct{}{} }()
	last := c.latest()
	if last.AccessKeyID != used {
		return true, nil
	}
	cache, ok := c.source.(*aws.CredentialsCache)
	if !ok || !last.CanExpire {
		return false, nil
	}
	cache.Invalidate()
	found, err := c.Retrieve(ctx)
	return err == nil && found.AccessKeyID != used, err
}

type noCredentials struct {
	lambda bool
	cause  error
}

func (e *noCredentials) Error() string { return "no AWS credentials" }

func (e *noCredentials) Unwrap() error { return e.cause }

// RetryableError tells the SDK that trying again is of no use.
func (e *noCredentials) RetryableError() bool { return false }

func (e *noCredentials) hint() string {
	if e.lambda {
		return "the function's execution role gives them: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment"
	}
	return "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use LARDER_BACKEND=file"
}
