package agenttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Credentials is a container's credentials endpoint. Its access keys are
// KEY-1, KEY-2 and so on.
type Credentials struct {
	url string

	mu     sync.Mutex // guards both below
	number int
	asked  int
}

const credentialsToken = "test-authorization"

// NewCredentials starts an endpoint that ends with t.
func NewCredentials(t testing.TB) *Credentials {
	t.Helper()
	c := &Credentials{number: 1}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// Environment is [Environment] with the endpoint in the place of credentials.
func (c *Credentials) Environment(url string) map[string]string {
	env := Environment(url)
	delete(env, "AWS_ACCESS_KEY_ID")
	delete(env, "AWS_SECRET_ACCESS_KEY")
	env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = c.url
	env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = credentialsToken
	return env
}

// Rotate has the next credentials handed out from now on.
func (c *Credentials) Rotate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
}

// Asked returns how often credentials were asked for.
func (c *Credentials) Asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *Credentials) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != credentialsToken {
		http.Error(w, `{"code":"Forbidden","message":"wrong token"}`, http.StatusForbidden)
		return
	}
	c.mu.Lock()
	c.asked++
	number := c.number
	c.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]string{
		"AccessKeyId":     fmt.Sprint("KEY-", number),
		"SecretAccessKey": "test-key-of-a-container",
		"Token":           "container-session",
		"Expiration":      time.Now().Add(6 * time.Hour).UTC().Format(time.RFC3339),
	})
}
