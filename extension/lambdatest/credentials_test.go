package lambdatest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "", "function": ""})
	mustInit(t, l)
	for name, c := range map[string]struct {
		method string
		header http.Header
		status int
	}{
		"right token":         {"GET", http.Header{"Authorization": {credentialsToken}}, http.StatusOK},
		"wrong token":         {"GET", http.Header{"Authorization": {"local-session-token"}}, http.StatusForbidden},
		"part of the token":   {"GET", http.Header{"Authorization": {credentialsToken[:5]}}, http.StatusForbidden},
		"with a scheme":       {"GET", http.Header{"Authorization": {"Bearer " + credentialsToken}}, http.StatusForbidden},
		"empty token":         {"GET", http.Header{"Authorization": {""}}, http.StatusForbidden},
		"no token":            {"GET", nil, http.StatusForbidden},
		"two tokens":          {"GET", http.Header{"Authorization": {credentialsToken, "x"}}, http.StatusForbidden},
		"not to be changed":   {"PUT", http.Header{"Authorization": {credentialsToken}}, http.StatusMethodNotAllowed},
		"in another's header": {"GET", http.Header{"X-Authorization": {credentialsToken}}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for name, values := range c.header {
				for _, value := range values {
					header = append(header, name, value)
				}
			}
			response, body := request(t, c.method, l.URL()+credentialsPath, "", header...)
			if response.StatusCode != c.status {
				t.Fatalf("%s %s, want %d", response.Status, body, c.status)
			}
			if given := strings.Contains(body, "local-"); given != (c.status == http.StatusOK) {
				t.Errorf("%s: %s", response.Status, body)
			}
		})
	}
}

// TestCredentialsExpire by the clock that processes believe in.
func TestCredentialsExpire(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "", "function": ""})
	mustInit(t, l)
	for _, shift := range []time.Duration{0, 48 * time.Hour, -72 * time.Hour} {
		shiftClock(t, l, shift)
		_, body := request(t, "GET", l.URL()+credentialsPath, "", "Authorization", credentialsToken)
		var set struct {
			AccessKeyID            string `json:"AccessKeyId"`
			SecretAccessKey, Token string
			Expiration             time.Time
		}
		if err := json.Unmarshal([]byte(body), &set); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if left := set.Expiration.Sub(l.Clock()); left < time.Hour || left > 24*time.Hour {
			t.Errorf("they expire in %v", left)
		}
		if set.AccessKeyID != "local-access-key-id-1" || set.SecretAccessKey != "local-secret-access-key-1" || set.Token != "local-session-token-1" {
			t.Errorf("%+v", set)
		}
	}
}

// TestCredentialsOfSnapStartAlone: elsewhere they are variables.
func TestCredentialsOfSnapStartAlone(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{})
	if response, body := request(t, "GET", l.URL()+credentialsPath, "", "Authorization", credentialsToken); response.StatusCode != http.StatusNotFound {
		t.Errorf("%s %s", response.Status, body)
	}
}
