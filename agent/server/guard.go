package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tokenHeaders are where the two AWS agents' clients put the token. A request
// has exactly one of them, once.
var tokenHeaders = []string{"X-Aws-Parameters-Secrets-Token", "X-Vault-Token"}

// forwardedHeaders are what a proxy adds and what a browser cannot leave out. A
// function tricked into making a request for somebody else (SSRF) goes through
// the one; a web page goes through the other.
var forwardedHeaders = []string{"X-Forwarded-For", "Forwarded", "Via", "Origin"}

// pingSpare is how many connections past the limit may still ask /ping.
const pingSpare = 2

// guard is what every request passes before it is looked at: how many there
// are, how it came, whom it was meant for, who sends it. The order is that of
// AWS's agent.
func (s *Server) guard(next http.Handler) http.Handler {
	token := sha256.Sum256([]byte(s.config.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		ping := r.URL.Path == "/ping"
		body := r.ContentLength != 0 || len(r.TransferEncoding) > 0
		if body {
			unread(w)
		}
		limit := int64(s.config.MaxConnections)
		if ping {
			limit += pingSpare
		}
		trusted := s.config.Token == "" || authentic(r, token)
		if !trusted {
			// Only who has the token may keep a connection, since their number is
			// bounded and anybody on this machine can open one.
			w.Header().Set("Connection", "close")
		}
		switch {
		case connOf(r).number > limit:
			w.Header().Set("Connection", "close")
			refuse(w, r, http.StatusTooManyRequests, "ConnectionLimitExceeded", "connection limit exceeded: keep connections alive and close those that are not needed")
		case forwarded(r):
			refuse(w, r, http.StatusBadRequest, "Forwarded", "forwarded requests are not answered: ask from the function itself, without a proxy and not from a web page")
		case !s.hosts[r.Host]:
			refuse(w, r, http.StatusBadRequest, "BadHost", "the Host header is not this server's: ask for 127.0.0.1 and its port")
		case body:
			refuse(w, r, http.StatusBadRequest, "BodyNotAllowed", "a request has no body")
		case !ping && !trusted:
			refuse(w, r, http.StatusForbidden, "BadToken", "bad token: send the header "+tokenHeaders[0]+
				" once, with the value of AWS_SESSION_TOKEN in Lambda, of AWS_TOKEN or the token file elsewhere")
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			refuse(w, r, http.StatusMethodNotAllowed, "MethodNotAllowed", "only GET is answered")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// unread has the body left alone. net/http would go on reading it, and who never
// sends it would keep the connection.
func unread(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	// Only what is no socket has no deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
}

// forwarded reports whether the request came on a detour: through a proxy, from
// a web page, or in a form that only proxies are sent.
func forwarded(r *http.Request) bool {
	for _, name := range forwardedHeaders {
		if _, ok := r.Header[name]; ok {
			return true
		}
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "none" && site != "same-origin" {
			return true
		}
	}
	return r.Method == http.MethodConnect || !strings.HasPrefix(r.RequestURI, "/")
}

// authentic reports whether the request carries the token. The digests are
// compared, so that neither content nor length shows in the time it takes.
func authentic(r *http.Request, token [sha256.Size]byte) bool {
	var given []string
	for _, name := range tokenHeaders {
		given = append(given, r.Header[name]...)
	}
	if len(given) != 1 {
		return false
	}
	digest := sha256.Sum256([]byte(given[0]))
	return subtle.ConstantTimeCompare(digest[:], token[:]) == 1
}

// hosts are the names under which a client on this machine asks for port.
// Another name that resolves to 127.0.0.1 is how a web page gets past its
// browser's rules (DNS rebinding).
func hosts(port int) map[string]bool {
	names := map[string]bool{}
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		names[net.JoinHostPort(host, strconv.Itoa(port))] = true
	}
	return names
}
