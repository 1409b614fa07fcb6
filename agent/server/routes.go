package server

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
)

// routes leads a request to its handler by its exact path. It is no ServeMux,
// which answers // with a redirect.
func (s *Server) routes() http.Handler {
	routes := map[string]http.HandlerFunc{
		"/ping":               s.ping,
		"/status":             s.status,
		"/secret":             s.secret,
		"/secretsmanager/get": s.secretsManagerGet,

		"/systemsmanager/parameters/get":  s.parametersGet,
		"/systemsmanager/parameters/get/": s.parametersGet,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recover(w, r)
		handle, ok := routes[r.URL.Path]
		if !ok && agentClient(r) {
			handle, ok = s.agentGet, true
		}
		if !ok {
			refuse(w, r, http.StatusNotFound, "NotFound", "not found: the paths are /secret, /status, /ping, /v1/NAME, /secretsmanager/get and /systemsmanager/parameters/get")
			return
		}
		handle(w, r)
	})
}

// recover answers for a handler that panicked. What was panicked with may hold a
// value, so that its type and the stack have to do.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	if p := recover(); p != nil {
		s.config.Log.Error("a request handler panicked", "path", r.URL.Path, "panic_type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		refuse(w, r, http.StatusInternalServerError, "InternalFailure", "the agent failed: this is a bug in Larder, please report it with the log line")
	}
}

// query reads the query, in which every name must be one of allowed.
func query(r *http.Request, allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: escape what is not a letter or digit")
	}
	for name := range values {
		if !slices.Contains(allowed, name) {
			return nil, &unknownParameter{name, allowed}
		}
	}
	return values, nil
}

// parameters reads a query in which every name stands once.
func parameters(r *http.Request, allowed ...string) (map[string]string, error) {
	values, err := query(r, allowed...)
	for name, texts := range values {
		if len(texts) > 1 {
			return nil, fmt.Errorf("parameter %s is given more than once", name)
		}
	}
	return first(values), err
}

// awsParameters reads the query as AWS's extension does, for which the first of
// several of one name counts.
func awsParameters(r *http.Request, allowed ...string) (map[string]string, error) {
	values, err := query(r, allowed...)
	return first(values), err
}

func first(values url.Values) map[string]string {
	given := make(map[string]string, len(values))
	for name, texts := range values {
		given[name] = texts[0]
	}
	return given
}

// unknownParameter is one that a path does not have.
type unknownParameter struct {
	name    string
	allowed []string
}

func (e *unknownParameter) Error() string {
	return fmt.Sprintf("unknown parameter: %.64q, use %s", e.name, strings.Join(e.allowed, ", "))
}

// flag reads a parameter that is true or false; missing is false.
func flag(given map[string]string, name string) (bool, error) {
	switch strings.ToLower(given[name]) {
	case "true", "1":
		return true, nil
	case "false", "0", "":
		return false, nil
	}
	return false, fmt.Errorf("invalid %s value: use true or false", name)
}
