// Package extension speaks the Lambda Extensions API: it registers, waits for
// events and tells Lambda what went wrong. It knows nothing of what its caller
// does meanwhile.
//
//	err := extension.Run(ctx, extension.NewClient(os.Getenv("AWS_LAMBDA_RUNTIME_API"), name), extension.Hooks{
//		Init:   func(ctx context.Context, f *extension.Function) error { return warmUp(ctx) },
//		Invoke: func(ctx context.Context, e extension.Event) { refresh(ctx) },
//	})
//
// The facts are those of the AWS Lambda developer guide, "Using the Lambda
// Extensions API to create extensions".
package extension

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// EventType is what an extension can ask to be told of.
type EventType string

const (
	Invoke   EventType = "INVOKE"
	Shutdown EventType = "SHUTDOWN"
)

// Event is what Lambda tells an extension.
type Event struct {
	Type               EventType `json:"eventType"`
	DeadlineMs         int64     `json:"deadlineMs"` // since the epoch
	RequestID          string    `json:"requestId"`
	InvokedFunctionARN string    `json:"invokedFunctionArn"`
	ShutdownReason     string    `json:"shutdownReason"`
}

// Deadline is the moment at which Lambda stops waiting.
func (e Event) Deadline() time.Time { return time.UnixMilli(e.DeadlineMs) }

// Function is what Lambda answers to a registration.
type Function struct {
	Name      string `json:"functionName"`
	Version   string `json:"functionVersion"`
	Handler   string `json:"handler"`
	AccountID string `json:"accountId"`

	Events []EventType `json:"-"` // that were registered for
}

const (
	apiVersion  = "/2020-01-01/extension"
	callTimeout = 2 * time.Second // of all calls but next
	maxAnswer   = 1 << 20
)

// Client calls the Extensions API. Its methods are called one after the other.
type Client struct {
	address, name, identifier string
	http                      *http.Client
}

// NewClient returns a client for the API at address, which is host:port as in
// AWS_LAMBDA_RUNTIME_API. The name must be the base name of the extension's file:
// under another, Lambda takes the caller for an internal extension.
func NewClient(address, name string) *Client {
	return &Client{address: address, name: name, http: &http.Client{
		// No proxy: the API is on this machine, whatever HTTP_PROXY says.
		Transport:     &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{Timeout: callTimeout}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Register makes the extension known and says which events it wants. It is asked
// for before anything else.
func (c *Client) Register(ctx context.Context, events ...EventType) (*Function, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		return nil, err
	}
	var function Function
	header, err := c.call(ctx, http.MethodPost, "/register", http.Header{
		"Lambda-Extension-Name":           {c.name},
		"Lambda-Extension-Accept-Feature": {"accountId"},
	}, body, &function)
	if err != nil {
		return nil, err
	}
	c.identifier = header.Get("Lambda-Extension-Identifier")
	if c.identifier == "" {
		return nil, errors.New("the Extensions API answered /register without an identifier")
	}
	function.Events = events
	return &function, nil
}

// Next tells Lambda that the extension is ready and waits, however long, for the
// next event. The environment may be frozen meanwhile.
func (c *Client) Next(ctx context.Context) (*Event, error) {
	var event Event
	if _, err := c.call(ctx, http.MethodGet, "/event/next", c.identity(), nil, &event); err != nil {
		return nil, err
	}
	return &event, nil
}

// InitError reports that the extension cannot start; the process must exit
// after it. The reason is one word, such as ConfigInvalid.
func (c *Client) InitError(ctx context.Context, reason string, err error) error {
	return c.report(ctx, "/init/error", reason, err)
}

// ExitError reports that the extension must stop; the process must exit after
// it.
func (c *Client) ExitError(ctx context.Context, reason string, err error) error {
	return c.report(ctx, "/exit/error", reason, err)
}

func (c *Client) report(ctx context.Context, path, reason string, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kind := "Extension." + reason
	body, err := json.Marshal(map[string]any{"errorMessage": cause.Error(), "errorType": kind, "stackTrace": []string{}})
	if err != nil {
		return err
	}
	header := c.identity()
	header.Set("Lambda-Extension-Function-Error-Type", kind)
	_, err = c.call(ctx, http.MethodPost, path, header, body, nil)
	return err
}

func (c *Client) identity() http.Header {
	return http.Header{"Lambda-Extension-Identifier": {c.identifier}}
}

// APIError is an answer that refuses the call.
type APIError struct {
	Path    string
	Status  int
	Type    string // such as Extension.InvalidEventType; can be empty
	Message string // one line, as Type is
}

func (e *APIError) Error() string {
	return fmt.Sprintf("the Extensions API refused %s: status %d, %s %s", e.Path, e.Status, e.Type, e.Message)
}

// call makes one request and reads its answer into out.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body []byte, out any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+apiVersion+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("AWS_LAMBDA_RUNTIME_API: %q is not host:port", c.address)
	}
	req.Header = header
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(ctx, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unanswered(ctx, path, err)
	}
	if resp.StatusCode >= 300 {
		refused := &APIError{Path: path, Status: resp.StatusCode}
		var problem struct{ ErrorType, ErrorMessage string }
		if json.Unmarshal(answer, &problem) == nil {
			refused.Type, refused.Message = oneLine(problem.ErrorType), oneLine(problem.ErrorMessage)
		}
		return nil, refused
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			return nil, fmt.Errorf("the Extensions API answered %s with what is not JSON", path)
		}
	}
	return resp.Header, nil
}

// oneLine makes a text of another's fit for a line of a log.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || unicode.IsControl(c) }), " ")
}

// unanswered shortens what net/http says, which repeats method and URL.
func (c *Client) unanswered(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		err = number
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("connection closed")
	}
	return fmt.Errorf("the Extensions API at %s does not answer %s: %w", c.address, path, err)
}
