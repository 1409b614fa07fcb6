package server

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"

	"github.com/larder-secrets/larder/agent"
)

// ping answers that the server is there; it needs no token.
func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "healthy")
}

// status answers what is held, how old it is and how reads ended.
func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(struct {
		Version     string `json:"version"`
		Backend     string `json:"backend"`
		Connections int64  `json:"connections"`
		Goroutines  int    `json:"goroutines"`
		agent.Status
	}{agent.Version, s.config.Backend, s.open.Load(), runtime.NumGoroutine(), s.config.Cache.Status()})
}
