package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	tokenHeader = "X-Aws-Parameters-Secrets-Token"
	defaultPort = "2773"

	// maxConnections is for a function that reads from many goroutines at once:
	// the others wait their turn. A handler that reads one by one uses one.
	maxConnections = 16

	maxAnswer = 4 << 20 // twice what the largest secret takes
)

var errTooLong = errors.New("the answer is too long")

// get reads r, once more with a new token where the agent has been restarted
// with another one.
func (c *Client) get(ctx context.Context, r Ref) ([]byte, error) {
	token, err := c.token.get(c.getenv)
	if err != nil {
		kind := ErrToken
		if errors.Is(err, errNoToken) {
			kind = ErrNoAgent
		}
		return nil, &Error{Secret: r.String(), Problem: err.Error(), kind: kind}
	}
	body, err := c.ask(ctx, r, token)
	if errors.Is(err, ErrToken) {
		if renewed, tokenErr := c.token.renew(c.getenv); tokenErr == nil && renewed != token {
			return c.ask(ctx, r, renewed)
		}
	}
	return body, err
}

// ask makes one request for r.
func (c *Client) ask(ctx context.Context, r Ref, token string) ([]byte, error) {
	answer, err := c.send(ctx, r.path(), token)
	switch {
	case err != nil && err.kind == nil:
		return nil, fmt.Errorf("secret %q: %w", r, ctx.Err())
	case err != nil:
		err.Secret = r.String()
		return nil, err
	case answer.status != http.StatusOK:
		return nil, refused(r, answer)
	}
	return answer.body, nil
}

// Ping returns nil where an agent answers.
func (c *Client) Ping(ctx context.Context) error {
	answer, err := c.send(ctx, "/ping", "")
	switch {
	case err != nil && err.kind == nil:
		return ctx.Err()
	case err != nil:
		return errors.New(err.Problem)
	case answer.status != http.StatusOK || string(answer.body) != "healthy":
		return fmt.Errorf("what answers on %s (status %d) is not a Larder agent", c.address(), answer.status)
	}
	return nil
}

// answer is what an agent answers, read to its end.
type answer struct {
	status      int
	contentType string
	body        []byte
}

// send makes a GET request. An error without a kind is that of ctx.
func (c *Client) send(ctx context.Context, path, token string) (*answer, *Error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := strconv.ParseUint(c.port(), 10, 16); err != nil { // what is no number could name another host
		return nil, &Error{Problem: fmt.Sprintf("the port %q is not a number: set LARDER_PORT to the agent's", c.port()), kind: ErrInvalid}
	}
	req, err := http.NewRequestWithContext(limited, http.MethodGet, "http://"+c.address()+path, nil)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if token != "" {
		req.Header.Set(tokenHeader, token)
	}
	resp, err := c.transport().Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, c.unanswered(ctx, err)
	}
	if len(body) > maxAnswer {
		return nil, c.unanswered(ctx, errTooLong)
	}
	return &answer{resp.StatusCode, resp.Header.Get("Content-Type"), body}, nil
}

// unanswered says why there is no answer. The error of net/http is not passed
// on: it repeats the URL.
func (c *Client) unanswered(ctx context.Context, err error) *Error {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return &Error{Problem: ctx.Err().Error()}
	case errors.As(err, &dial) && dial.Op == "dial":
		problem := fmt.Sprintf("no agent answers on %s (%v): ", c.address(), dial.Err)
		if c.getenv("AWS_LAMBDA_FUNCTION_NAME") != "" {
			problem += "is the Larder layer attached to this function, and its port the same?"
		} else {
			problem += "start one with: larder serve"
		}
		return &Error{Problem: problem, kind: ErrNoAgent}
	case err == errTooLong:
		return &Error{Problem: fmt.Sprintf("what answers on %s is not a Larder agent: it sent more than %d bytes", c.address(), maxAnswer), kind: ErrNoAgent}
	default:
		return &Error{Problem: "the agent on " + c.address() + " broke off its answer", kind: ErrUnavailable}
	}
}

// refused makes an error of what the agent says.
func refused(r Ref, a *answer) error {
	e := &Error{Secret: r.String(), Status: a.status}
	var problem struct{ Code, Detail string }
	if a.contentType != "application/problem+json" || json.Unmarshal(a.body, &problem) != nil {
		e.Problem = fmt.Sprintf("what answers on this port (status %d) is not a Larder agent: set LARDER_PORT to the agent's", a.status)
		e.kind = ErrNoAgent
		return e
	}
	e.Problem = problem.Detail
	switch {
	case problem.Code == "BadToken":
		e.kind = ErrToken
	case a.status == http.StatusNotFound:
		e.kind = ErrNotFound
	case a.status == http.StatusForbidden:
		e.kind = ErrDenied
	case a.status == http.StatusTooManyRequests || a.status >= 500:
		e.kind = ErrUnavailable
	default:
		e.kind = ErrInvalid
	}
	return e
}

// transport keeps its connections alive, and goes to the agent directly: no
// proxy may see the token, and no redirect may lead it elsewhere.
func (c *Client) transport() *http.Client {
	c.once.Do(func() {
		c.http = &http.Client{
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
				MaxConnsPerHost:     maxConnections,
				MaxIdleConnsPerHost: maxConnections,
				DisableCompression:  true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return c.http
}

// Close ends the idle connections. A client that is used for the life of its
// process needs no Close.
func (c *Client) Close() { c.transport().CloseIdleConnections() }

func (c *Client) address() string { return net.JoinHostPort("127.0.0.1", c.port()) }

func (c *Client) port() string { return portOf(c.getenv) }

// portOf returns the agent's port as the agent itself reads it; what is not a
// number is returned as it is, for the error.
func portOf(getenv func(string) string) string {
	for _, name := range []string{"LARDER_PORT", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"} {
		if port := strings.TrimSpace(getenv(name)); port != "" {
			if number, err := strconv.Atoi(port); err == nil {
				return strconv.Itoa(number)
			}
			return port
		}
	}
	return defaultPort
}
