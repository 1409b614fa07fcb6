package lambdatest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// credentialsPath is that of Lambda's own credentials endpoint.
	credentialsPath = "/2021-04-23/credentials"

	// credentialsToken is a word, as the credentials are: it guards nothing of
	// value, and a test outside of the processes can know it.
	credentialsToken = "local-authorization-token"

	// credentialsLife is how long a set is good for from the answer on.
	credentialsLife = 6 * time.Hour
)

// credentials are what SnapStart's processes ask for instead of having them
// among their variables, where a snapshot would keep them.
type credentials struct {
	set atomic.Int64 // the number of the current one: 0 before the first INIT
}

// renew makes another set the current one.
func (c *credentials) renew() { c.set.Add(1) }

// body is the current set as the AWS SDKs read it (AWS SDKs and Tools reference
// guide, "Container credential provider").
func (c *credentials) body(now time.Time) []byte {
	set := c.set.Load()
	body, err := json.Marshal(struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      string
	}{
		fmt.Sprintf("local-access-key-id-%d", set),
		fmt.Sprintf("local-secret-access-key-%d", set),
		fmt.Sprintf("local-session-token-%d", set),
		now.Add(credentialsLife).UTC().Format(time.RFC3339),
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return body
}

// routeCredentials serves the container credentials of SnapStart. Other
// environments have none, as in Lambda.
func (l *Lambda) routeCredentials(mux *http.ServeMux) {
	if l.config.SnapStart {
		mux.HandleFunc("GET "+credentialsPath, l.containerCredentials)
	}
}

func (l *Lambda) containerCredentials(w http.ResponseWriter, r *http.Request) {
	tokens := r.Header.Values("Authorization")
	if len(tokens) != 1 || subtle.ConstantTimeCompare([]byte(tokens[0]), []byte(credentialsToken)) == 0 {
		writeJSON(w, http.StatusForbidden, []byte(`{"code":"AccessDenied","message":"the authorization token is missing or wrong"}`))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, l.credentials.body(l.Clock()))
}
