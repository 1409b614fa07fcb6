package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/server"
)

func TestGuard(t *testing.T) {
	const header = "Host: $HOST\nConnection: close\n"
	get := func(lines string) string {
		return "GET /secret?name=a HTTP/1.1\n" + header + lines + "\n"
	}
	tests := []struct {
		name, request string
		status        int
		says          string
	}{
		{"a good request", get("$TOKEN\n"), 200, planted},
		{"HTTP/1.0", "GET /secret?name=a HTTP/1.0\nHost: $HOST\n$TOKEN\n\n", 200, planted},
		{"HTTP/1.0 without Host", "GET /secret?name=a HTTP/1.0\n$TOKEN\n\n", 400, "BadHost"},
		{"HTTP/2's preface", "PRI * HTTP/2.0\n\nSM\n\n", 400, "Forwarded"},

		{"no token", get(""), 403, "BadToken"},
		{"a wrong token", get("X-Aws-Parameters-Secrets-Token: the-tokem\n"), 403, "BadToken"},
		{"a part of the token", get("X-Aws-Parameters-Secrets-Token: the-toke\n"), 403, "BadToken"},
		{"more than the token", get("X-Aws-Parameters-Secrets-Token: the-token,the-token\n"), 403, "BadToken"},
		{"an empty token", get("X-Aws-Parameters-Secrets-Token:\n"), 403, "BadToken"},
		{"the token in other case", get("X-Aws-Parameters-Secrets-Token: THE-TOKEN\n"), 403, "BadToken"},
		{"the token as a bearer's", get("Authorization: Bearer the-token\n"), 403, "BadToken"},
		{"the token in the query", "GET /secret?name=a&token=the-token HTTP/1.1\n" + header + "\n", 403, "BadToken"},
		{"the header in lower case", get("x-aws-parameters-secrets-token: the-token\n"), 200, planted},
		{"the header in upper case", get("X-AWS-PARAMETERS-SECRETS-TOKEN: the-token\n"), 200, planted},
		{"the other header", get("X-Vault-Token: the-token\n"), 200, planted},
		{"the other header in lower case", get("x-vault-token: the-token\n"), 200, planted},
		{"the token twice", get("$TOKEN\n$TOKEN\n"), 403, "BadToken"},
		{"a wrong token beside it", get("$TOKEN\nX-Aws-Parameters-Secrets-Token: x\n"), 403, "BadToken"},
		{"both headers", get("$TOKEN\nX-Vault-Token: the-token\n"), 403, "BadToken"},
		{"both headers, one empty", get("$TOKEN\nX-Vault-Token:\n"), 403, "BadToken"},

		{"localhost", "GET /secret?name=a HTTP/1.1\nHost: localhost:$PORT\nConnection: close\n$TOKEN\n\n", 200, planted},
		{"::1", "GET /secret?name=a HTTP/1.1\nHost: [::1]:$PORT\nConnection: close\n$TOKEN\n\n", 200, planted},
		{"no Host", "GET /secret?name=a HTTP/1.1\nConnection: close\n$TOKEN\n\n", 400, ""},
		{"two Hosts", get("Host: $HOST\n$TOKEN\n"), 400, ""},
		{"Host without port", "GET /secret?name=a HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},
		{"Host with another port", "GET /secret?name=a HTTP/1.1\nHost: 127.0.0.1:1\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},
		{"another Host", "GET /secret?name=a HTTP/1.1\nHost: attacker.example:$PORT\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},
		{"a Host that starts as ours", "GET /secret?name=a HTTP/1.1\nHost: localhost.attacker.example:$PORT\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},
		{"another loopback address", "GET /secret?name=a HTTP/1.1\nHost: 127.0.0.2:$PORT\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},
		{"0.0.0.0", "GET /secret?name=a HTTP/1.1\nHost: 0.0.0.0:$PORT\nConnection: close\n$TOKEN\n\n", 400, "BadHost"},

		{"X-Forwarded-For", get("$TOKEN\nX-Forwarded-For: 1.2.3.4\n"), 400, "Forwarded"},
		{"X-Forwarded-For, empty", get("$TOKEN\nX-Forwarded-For:\n"), 400, "Forwarded"},
		{"x-forwarded-for", get("$TOKEN\nx-forwarded-for: 127.0.0.1\n"), 400, "Forwarded"},
		{"Forwarded", get("$TOKEN\nForwarded: for=1.2.3.4\n"), 400, "Forwarded"},
		{"Via", get("$TOKEN\nVia: 1.1 proxy\n"), 400, "Forwarded"},
		{"Origin", get("$TOKEN\nOrigin: http://localhost\n"), 400, "Forwarded"},
		{"Origin null", get("$TOKEN\nOrigin: null\n"), 400, "Forwarded"},
		{"Sec-Fetch-Site cross-site", get("$TOKEN\nSec-Fetch-Site: cross-site\n"), 400, "Forwarded"},
		{"Sec-Fetch-Site same-site", get("$TOKEN\nSec-Fetch-Site: same-site\n"), 400, "Forwarded"},
		{"Sec-Fetch-Site none", get("$TOKEN\nSec-Fetch-Site: none\n"), 200, planted},
		{"forwarded without a token", get("X-Forwarded-For: 1.2.3.4\n"), 400, "Forwarded"},
		{"absolute-form", "GET http://$HOST/secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 400, "Forwarded"},
		{"absolute-form of another host", "GET http://attacker.example/secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 400, "Forwarded"},
		{"CONNECT", "CONNECT $HOST HTTP/1.1\n" + header + "$TOKEN\n\n", 400, "Forwarded"},
		{"CONNECT with a path", "CONNECT /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 400, "Forwarded"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\n" + header + "\n", 400, "Forwarded"},

		{"a body", get("$TOKEN\nContent-Length: 2\n") + "hi", 400, "BodyNotAllowed"},
		{"a chunked body", get("$TOKEN\nTransfer-Encoding: chunked\n") + "2\nhi\n0\n\n", 400, "BodyNotAllowed"},
		{"an empty chunked body", get("$TOKEN\nTransfer-Encoding: chunked\n") + "0\n\n", 400, "BodyNotAllowed"},
		{"a body of no length", get("$TOKEN\nContent-Length: 0\n"), 200, planted},
		{"two lengths", get("$TOKEN\nContent-Length: 0\nContent-Length: 5\n"), 400, ""},

		{"HEAD", "HEAD /secret?name=a HTTP/1.1\n" + header + "\n", 403, ""},
		{"POST", "POST /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 405, "MethodNotAllowed"},
		{"PUT", "PUT /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 405, "MethodNotAllowed"},
		{"DELETE", "DELETE /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 405, "MethodNotAllowed"},
		{"OPTIONS", "OPTIONS /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 405, "MethodNotAllowed"},
		{"get in lower case", "get /secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 405, "MethodNotAllowed"},
		{"POST without a token", "POST /secret?name=a HTTP/1.1\n" + header + "\n", 403, "BadToken"},

		{"an unknown path", "GET /nope HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"an unknown path without a token", "GET /nope HTTP/1.1\n" + header + "\n", 403, "BadToken"},
		{"two slashes", "GET //secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"a slash at the end", "GET /secret/?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"dots", "GET /x/../secret?name=a HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"a slash alone", "GET / HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"pprof", "GET /debug/pprof/ HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},
		{"expvar", "GET /debug/vars HTTP/1.1\n" + header + "$TOKEN\n\n", 404, "NotFound"},

		{"ping", "GET /ping HTTP/1.1\n" + header + "\n", 200, "healthy"},
		{"ping for another host", "GET /ping HTTP/1.1\nHost: x:$PORT\nConnection: close\n\n", 400, "BadHost"},
		{"ping, forwarded", "GET /ping HTTP/1.1\n" + header + "Via: x\n\n", 400, "Forwarded"},
		{"ping by POST", "POST /ping HTTP/1.1\n" + header + "\n", 405, "MethodNotAllowed"},
		{"ping with something behind", "GET /ping/ HTTP/1.1\n" + header + "\n", 403, "BadToken"},
		{"ping before something", "GET /ping/../secret?name=a HTTP/1.1\n" + header + "\n", 403, "BadToken"},
		{"status without a token", "GET /status HTTP/1.1\n" + header + "\n", 403, "BadToken"},
		{"AWS's path without a token", "GET /secretsmanager/get?secretId=a HTTP/1.1\n" + header + "\n", 403, `"__type":"BadToken"`},

		{"headers too large", get("$TOKEN\nX: " + strings.Repeat("x", 64<<10) + "\n"), 431, ""},
		{"a target too large", "GET /secret?name=" + strings.Repeat("x", 64<<10) + " HTTP/1.1\n" + header + "$TOKEN\n\n", 431, ""},
		{"no HTTP", "hello\n\n", 400, ""},
	}
	r := start(t, nil)
	r.store.put("a", planted)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := r.raw(test.request)
			a.want(t, test.status, test.says)
			if a.StatusCode != 200 && strings.Contains(a.body, planted) {
				t.Errorf("a refusal shows the value: %s", a.body)
			}
			if strings.Contains(a.body, token) {
				t.Errorf("the answer shows the token: %s", a.body)
			}
			guarded := test.says != "" || a.StatusCode == 200
			if guarded && (a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Content-Type") == "") {
				t.Errorf("header = %v", a.Header)
			}
			if (a.StatusCode == 405) != (a.Header.Get("Allow") == "GET") {
				t.Errorf("Allow = %q with status %d", a.Header.Get("Allow"), a.StatusCode)
			}
		})
	}
}

func TestWithoutTokenInSAMLocal(t *testing.T) {
	r := start(t, func(_ *agent.Config, c *server.Config) { c.Token = "" })
	r.store.put("a", planted)
	r.raw("GET /secret?name=a HTTP/1.1\nHost: $HOST\nConnection: close\n\n").want(t, 200, planted)
	r.raw("GET /secret?name=a HTTP/1.1\nHost: x\nConnection: close\n\n").want(t, 400, "BadHost")
}

// TestConnectionsWithoutToken are not kept, so that nobody who has none can hold
// those that there are.
func TestConnectionsWithoutToken(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", planted)
	for _, test := range []struct {
		name, request string
		closed        bool
	}{
		{"a ping", "GET /ping HTTP/1.1\nHost: $HOST\n\n", true},
		{"a wrong token", "GET /secret?name=a HTTP/1.1\nHost: $HOST\nX-Aws-Parameters-Secrets-Token: wrong\n\n", true},
		{"the token", "GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\n\n", false},
	} {
		conn, err := net.Dial("tcp", r.host())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if a := r.over(conn, test.request); a.Close != test.closed {
			t.Errorf("after %s the connection is closed: %t, want %t", test.name, a.Close, test.closed)
		}
	}
}

// TestBodiesThatNeverCome hold no connection: who sends half of one, without the
// token even, is answered and hung up on.
func TestBodiesThatNeverCome(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", planted)
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"with the token", "GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\nContent-Length: 2\n\nx", 400},
		{"without the token", "POST /secret?name=a HTTP/1.1\nHost: $HOST\nContent-Length: 2\n\n", 400},
		{"for ping", "GET /ping HTTP/1.1\nHost: $HOST\nContent-Length: 2\n\n", 400},
		{"for another host", "POST /ping HTTP/1.1\nHost: x\nContent-Length: 2\n\n", 400},
		{"forwarded", "POST /ping HTTP/1.1\nHost: $HOST\nVia: x\nContent-Length: 2\n\n", 400},
		{"in chunks", "GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\nConnection: close\nTransfer-Encoding: chunked\n\n2\nh", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := r.converse(t, test.request)
			if len(answers) != 1 || answers[0].StatusCode != test.status || !answers[0].Close {
				t.Errorf("answers %v, want one of status %d, the connection's last", answers, test.status)
			}
		})
	}
}

func TestConnectionLimit(t *testing.T) {
	const most, pings, told = 3, 2, 16
	r := start(t, func(_ *agent.Config, c *server.Config) { c.MaxConnections = most })
	r.store.put("a", planted)
	const ask, ping = "GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\n\n", "GET /ping HTTP/1.1\nHost: $HOST\n\n"
	var conns []net.Conn
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", r.host())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
		return conn
	}
	for i := range most {
		if a := r.over(dial(), ask); a.StatusCode != 200 {
			t.Fatalf("connection %d: status %d", i, a.StatusCode)
		}
	}
	for range pings {
		r.over(dial(), "GET /ping HTTP/1.1\nHost: $HOST\n$TOKEN\n\n").want(t, 200, "healthy")
	}
	r.over(dial(), ping).want(t, 429, "ConnectionLimitExceeded")
	r.over(conns[most], ask).want(t, 429, "ConnectionLimitExceeded")
	for range most + told { // beyond those that are told so, connections are closed at once
		dial()
	}
	last := dial()
	fmt.Fprintf(last, "GET /ping HTTP/1.1\r\nHost: %s\r\n\r\n", r.host())
	if n, err := last.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a connection past all limits is answered")
	}
	for _, conn := range conns {
		conn.Close()
	}
	for tries := 0; ; tries++ { // the server sees the ends in its own time
		conn := dial()
		a, err := r.try(conn, ask)
		conn.Close()
		if err == nil && a.StatusCode == 200 {
			break
		}
		if tries == 1000 {
			t.Fatalf("connections that were closed count on: %v, %v", a, err)
		}
	}
}
