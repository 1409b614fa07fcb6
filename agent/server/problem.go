package server

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-secrets/larder/agent"
)

// problem is an error as RFC 9457 writes it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// awsProblem is an error as AWS's services and agents write it.
type awsProblem struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

// fail answers for a read that ended in err, even where the client has hung up:
// one that has closed only its own direction still listens, and to write nothing
// would be a 200.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	e := agent.AsError(err)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if awsClient(r) { // as the service itself has them
		w.Header().Set("X-Amzn-Errortype", e.Code)
		if e.RequestID != "" {
			w.Header().Set("X-Amzn-Requestid", e.RequestID)
		}
	}
	// The whole text, with the operation that the error passed through.
	refuse(w, r, status(r, e), e.Code, err.Error())
}

// status is what a reader goes by. Clients of AWS's extension know 400 for
// whatever the service refuses.
func status(r *http.Request, e *agent.Error) int {
	switch {
	case e.Kind == agent.Throttled:
		return http.StatusTooManyRequests
	case e.Kind == agent.Unavailable && e.Status >= 500:
		return e.Status
	case e.Kind == agent.Unavailable:
		return http.StatusBadGateway
	case awsClient(r):
		return http.StatusBadRequest
	case e.Kind == agent.NotFound:
		return http.StatusNotFound
	case e.Kind == agent.Denied:
		return http.StatusForbidden
	default:
		return http.StatusBadRequest
	}
}

// refuse answers with an error in the form that the path's clients read.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	contentType, body := "application/problem+json", any(problem{http.StatusText(status), status, code, message})
	if awsClient(r) {
		contentType, body = "application/json", awsProblem{code, message}
	}
	text, _ := json.Marshal(body) // strings and numbers always can be
	if plain := agentTexts[code]; plain != "" && agentClient(r) {
		refusePlainly(w, status, plain)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(text)
}

func refusePlainly(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// awsClient reports whether the path is one that AWS's own clients ask for.
func awsClient(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/secretsmanager/") || strings.HasPrefix(r.URL.Path, "/systemsmanager/") || agentClient(r)
}
