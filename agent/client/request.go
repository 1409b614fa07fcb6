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
	"time"
)

const (
	tokenHeader = "X-Aws-Parameters-Secrets-Token"
	defaultPort = "2773"
	maxProblem  = 64 << 10
)

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

// ask makes one request.
func (c *Client) ask(ctx context.Context, r Ref, token string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", c.port())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+r.path(), nil)
	if err != nil {
		return nil, &Error{Secret: r.String(), Problem: "the port is not a number: " + strconv.Quote(c.port()), kind: ErrInvalid}
	}
	if token != "" {
		req.Header.Set(tokenHeader, token)
	}
	resp, err := c.transport().Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, r, address, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refused(r, resp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.unanswered(ctx, r, address, err)
	}
	return body, nil
}

// unanswered says why there is no answer. The error of net/http is not passed
// on: it repeats the URL.
func (c *Client) unanswered(ctx context.Context, r Ref, address string, err error) error {
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial" && ctx.Err() == nil:
		problem := fmt.Sprintf("no agent answers on %s (%v): ", address, dial.Err)
		if c.getenv("AWS_LAMBDA_FUNCTION_NAME") != "" {
			problem += "is the Larder layer attached to this function, and its port the same?"
		} else {
			problem += "start one with: larder serve"
		}
		return &Error{Secret: r.String(), Problem: problem, kind: ErrNoAgent}
	case ctx.Err() != nil:
		return fmt.Errorf("secret %s: %w", quote(r.String()), ctx.Err())
	default:
		return &Error{Secret: r.String(), Problem: "the agent on " + address + " broke off its answer", kind: ErrNoAgent}
	}
}

// refused makes an error of what the agent says.
func refused(r Ref, resp *http.Response) error {
	e := &Error{Secret: r.String(), Status: resp.StatusCode}
	var problem struct{ Code, Detail string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if resp.Header.Get("Content-Type") == "application/problem+json" && json.Unmarshal(text, &problem) == nil {
		e.Problem = problem.Detail
	} else {
		e.Problem = fmt.Sprintf("what answers on this port (status %d) is not a Larder agent: set LARDER_PORT to the agent's", resp.StatusCode)
		e.kind = ErrNoAgent
		return e
	}
	switch {
	case problem.Code == "BadToken":
		e.kind = ErrToken
	case resp.StatusCode == http.StatusNotFound:
		e.kind = ErrNotFound
	case resp.StatusCode == http.StatusForbidden:
		e.kind = ErrDenied
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
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
				MaxIdleConnsPerHost: 16,
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

func (c *Client) port() string {
	for _, name := range []string{"LARDER_PORT", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"} {
		if port := c.getenv(name); port != "" {
			return port
		}
	}
	return defaultPort
}

func quote(name string) string { return strconv.Quote(name) }
