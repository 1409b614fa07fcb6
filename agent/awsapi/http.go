package awsapi

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	connectTimeout = time.Second
	attemptTimeout = 2 * time.Second
	maxBody        = 8 << 20 // twenty secrets of 64 KiB, each byte escaped, fit
)

// transport is the SDK's own HTTP client, so that AWS_CA_BUNDLE reaches it, with
// our limits. It speaks HTTP/1.1 only: GODEBUG can make Go print HTTP/2 frames.
func transport(connections int) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.Protocols = new(http.Protocols)
			t.Protocols.SetHTTP1(true)
			t.ForceAttemptHTTP2 = false
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			t.TLSHandshakeTimeout = connectTimeout
			t.MaxConnsPerHost = connections
			t.MaxIdleConnsPerHost = connections
		})
}

// limit makes the client that requests go through: no redirects, a bound on each
// attempt and each body, and no clear text beyond this machine.
func limit(client aws.HTTPClient, plain bool) *limited {
	c := &http.Client{
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if built, ok := client.(*awshttp.BuildableClient); ok {
		c.Transport = built.GetTransport()
	}
	return &limited{Client: c, plain: plain}
}

type limited struct {
	*http.Client
	plain bool
}

// Do implements [aws.HTTPClient].
func (l *limited) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !l.plain && !onThisMachine(req.URL.Hostname()) {
		return nil, &plainError{host: req.URL.Host}
	}
	if err := repeatable(req); err != nil {
		return nil, err
	}
	resp, err := l.Client.Do(req)
	if err != nil {
		return nil, err
	}
	// What the transport decompresses is counted as it comes out.
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBody}
	if resp.StatusCode == http.StatusOK {
		return read(resp)
	}
	return resp, nil
}

// read has an answer come whole before any of it is decoded, which takes longer
// and would be timed with it.
func read(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// repeatable lets net/http send req again, at once and as often as there are idle
// connections that turn out to be dead: after a sandbox has been frozen all of
// them may be, and the SDK's own attempts are few and wait in between. What is
// sent here reads, so that twice is as good as once. A body that is known to be
// in memory is also sent with the header in one piece; else an answer can come
// before net/http has noted the end of the body, which costs the connection.
func repeatable(req *http.Request) error {
	req.Header["X-Idempotency-Key"] = nil // tells net/http; not sent (documentation of http.Transport)
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, err = req.GetBody()
	return err
}

// onThisMachine reports whether the host is a loopback address, or one of the
// link-local addresses from which AWS hands out credentials.
func onThisMachine(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.IsLoopback() || address.IsLinkLocalUnicast())
}

// plainError refuses to send a signed request in clear.
type plainError struct{ host string }

func (e *plainError) Error() string {
	return fmt.Sprintf("the endpoint http://%s is neither encrypted nor on this machine: use https://, or set LARDER_INSECURE_ENDPOINT=true", e.host)
}

// RetryableError tells the SDK that trying again is of no use.
func (e *plainError) RetryableError() bool { return false }

var errBodyTooLong = errors.New("the answer is too long")

// boundedBody fails, rather than ends, at its bound.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBodyTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
