// Command plain is the least that a server with net/http can be: it writes the
// same bytes to whoever asks. With BACKEND it is a cache instead that asks the
// backend again on the path of the reader who comes after its TTL, as a cache
// without a refresh of its own does.
package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

func main() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "value-of-a-secret-000001") })
	if backend := os.Getenv("BACKEND"); backend != "" {
		ttl, _ := time.ParseDuration(os.Getenv("TTL"))
		handler = (&cache{backend: backend, ttl: ttl, client: &http.Client{Timeout: 2 * time.Second}}).serve
	}
	http.ListenAndServe(os.Getenv("ADDRESS"), handler)
}

type cache struct {
	backend string
	ttl     time.Duration
	client  *http.Client

	mu      sync.Mutex // guards both below
	body    []byte
	fetched time.Time
}

func (c *cache) serve(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	body, fresh := c.body, time.Since(c.fetched) < c.ttl
	c.mu.Unlock()
	if !fresh {
		req, _ := http.NewRequest(http.MethodPost, c.backend, bytes.NewReader([]byte(`{"SecretId":"small"}`)))
		req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
		resp, err := c.client.Do(req)
		if err != nil {
			http.Error(w, "the backend does not answer", http.StatusBadGateway)
			return
		}
		body, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		c.mu.Lock()
		c.body, c.fetched = body, time.Now()
		c.mu.Unlock()
	}
	w.Write(body)
}
