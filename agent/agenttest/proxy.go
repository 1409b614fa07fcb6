package agenttest

import (
	"net/http/httputil"
	"net/url"
	"testing"
)

// NewProxy starts a server in front of the one at target, which answers what no
// [Fault] answers. It ends with t.
func NewProxy(t testing.TB, target string) *Server {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return newServer(t, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host // as it was signed
		},
	}, false)
}
