package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// loud is everything that could make the binary talk.
var loud = []string{"LARDER_LOG_LEVEL", "debug", "GODEBUG", "http2debug=2", "AWS_SDK_LOAD_CONFIG", "1"}

// expectNoLeak fails if any of values, or the session token, stands raw, in
// base64 or in hex in what the extension printed.
func (b *bench) expectNoLeak(values ...string) {
	b.t.Helper()
	text := b.Output("larder")
	if !strings.Contains(text, "debug") {
		b.t.Errorf("nothing was printed at debug level, so that this test proves nothing:\n%s", text)
	}
	expectAbsent(b.t, "the output", []byte(text), append(values, "local-session-token")...)
}

func expectAbsent(t *testing.T, where string, text []byte, values ...string) {
	t.Helper()
	for _, value := range values {
		raw := []byte(value)
		for _, form := range []string{
			value,
			fmt.Sprintf("%q", value)[1:][:len(fmt.Sprintf("%q", value))-2],
			url.QueryEscape(value),
			hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)),
			fmt.Sprint(raw)[1:][:len(fmt.Sprint(raw))-2], // as a slice of numbers
			strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "="),
			strings.TrimRight(base64.URLEncoding.EncodeToString(raw), "="),
		} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s holds a value, as %.40q", where, form)
			}
		}
	}
}

// TestNoValueLeaksFromAFile: neither good values nor those in a file that does
// not parse, nor those that JSON look-ups fail on, show anywhere.
func TestNoValueLeaksFromAFile(t *testing.T) {
	t.Parallel()
	const plain, nested, binary = "pl4nted-pl4in", "pl4nted-n3sted", "pl4nted\x00\x01\u00e9"
	tests := map[string]string{
		"good": `{"plain": "` + plain + `", "json": {"a": "` + nested + `", "n": 1}, "dup": "{\"a\": \"` + nested + `\", \"a\": 2}", "binary": "pl4nted\u0000\u0001é"}`,
		"bad":  `{"plain": "` + plain + `", "json": {"a": "` + nested + `"} "pl4nted-bare": ` + nested + `}`,
	}
	for name, content := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := with(secretsFile(t, content), append(loud, "LARDER_SECRETS", "plain json#a json#gone dup#a binary missing")...)
			b := start(t, env, nil).init()
			wrong := "wrong token"
			answers := b.ask(
				request{Path: "/status"},
				request{Path: "/secret?name=missing"},
				request{Path: "/secret?name=json&key=gone"},
				request{Path: "/secret?name=plain&key=a"},
				request{Path: "/secret?name=dup&key=a"},
				request{Path: "/secret?name=plain&versionStage=AWSPREVIOUS"},
				request{Path: "/secretsmanager/get?secretId=missing"},
				request{Path: "/secret?name=plain", Token: &wrong},
			)
			for i, a := range answers {
				if i > 0 && a.Status == http.StatusOK {
					t.Errorf("answer %d is no error: %s", i, a.text())
				}
				expectAbsent(t, fmt.Sprintf("answer %d", i), append(a.Body, a.Error...), plain, nested, binary, "local-session-token")
			}
			b.read("/secret?name=plain")
			if err := b.Shutdown(t.Context(), "spindown"); err != nil {
				t.Error(err)
			}
			b.expectNoLeak(plain, nested, binary)
		})
	}
}
