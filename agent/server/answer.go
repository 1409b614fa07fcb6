package server

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-secrets/larder/agent"
)

// question is what a request asks of the cache, and in which form it wants the
// answer.
type question struct {
	ref  agent.Reference
	mode agent.Mode
	form form
}

// form is a way to write a secret for those who asked in one way.
type form struct {
	name  string // among the secret's forms
	text  bool   // rather than JSON
	write func(*agent.Secret) ([]byte, error)
}

// ask makes the question of what the version parameters and refresh, under the
// name that the endpoint has for it, ask for. The reference is built from the
// parameters and never parsed, so that no name can carry parameters of its own.
func ask(ref agent.Reference, given map[string]string, refresh string, form form) (question, error) {
	query := url.Values{}
	for _, name := range []string{"versionStage", "versionId", "version", "label", "roleArn"} {
		if text, ok := given[name]; ok {
			query.Set(name, text)
		}
	}
	return askFor(ref, query, given, refresh, form)
}

// askFor is ask with the backend's own parameters.
func askFor(ref agent.Reference, query url.Values, given map[string]string, refresh string, form form) (question, error) {
	fresh, err := flag(given, refresh)
	if err != nil {
		return question{}, invalid(err.Error())
	}
	if ref.Query, err = agent.CanonicalQuery(query); err != nil {
		return question{}, invalid("parameter " + err.Error())
	}
	q := question{ref: ref, form: form}
	if fresh {
		q.mode = agent.Fresh
	}
	return q, nil
}

// answer asks the cache and writes what it says.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q question) {
	reading, err := s.config.Cache.Get(r.Context(), q.ref, q.mode)
	if err != nil {
		fail(w, r, err)
		return
	}
	body, err := reading.Secret.Form(q.form.name, q.form.write)
	if err != nil {
		fail(w, r, err)
		return
	}
	for _, f := range q.form.fields(reading, len(body)) {
		w.Header().Set(f.name, f.value)
	}
	w.Write(body)
	if q.mode == agent.Cached {
		connOf(r).repeats.learn(q)
	}
}

// field is one of an answer's header.
type field struct{ name, value string }

// fields are the header of an answer, in the order in which net/http writes it:
// with what is known of the value's version and age. Age is in seconds since the
// backend was asked.
func (f form) fields(reading agent.Reading, length int) []field {
	content := "application/json"
	if f.text {
		content = "text/plain; charset=utf-8"
	}
	if f.text && reading.Secret.Binary {
		content = "application/octet-stream"
	}
	fields := append(make([]field, 0, 9),
		field{"Age", strconv.Itoa(int(reading.Age.Seconds()))},
		field{"Cache-Control", "no-store"},
		field{"Cache-Status", cacheStatus(reading)},
		field{"Content-Length", strconv.Itoa(length)},
		field{"Content-Type", content})
	if version := reading.Secret.Version; version != "" {
		fields = append(fields, field{"Etag", strconv.Quote(version)})
	}
	if reading.Stale {
		fields = append(fields, field{"Larder-Stale", "true"})
	}
	return append(fields, field{"X-Content-Type-Options", "nosniff"})
}

// cacheStatus says how the value was had, as RFC 9211 has it: hit where it was
// there, fwd where the read waited for the backend.
func cacheStatus(reading agent.Reading) string {
	text := "Larder; "
	switch {
	case !reading.Waited:
		text += "hit"
	case reading.Forced:
		text += "fwd=request"
	case reading.Held:
		text += "fwd=stale"
	default:
		text += "fwd=miss"
	}
	if reading.Joined {
		text += "; collapsed"
	}
	return text + "; ttl=" + strconv.Itoa(int(math.Floor(reading.TTL.Seconds())))
}

// inJSON is the form that encoding/json makes of what shape makes of a secret.
func inJSON[T any](name string, shape func(*agent.Secret) T) form {
	return form{name: name, write: func(secret *agent.Secret) ([]byte, error) {
		body, err := json.Marshal(shape(secret))
		if err != nil {
			return nil, &agent.Error{
				Kind: agent.Invalid, Status: http.StatusBadGateway, Code: "InternalFailure",
				Message: "the backend's answer cannot be written as JSON",
			}
		}
		return body, nil
	}}
}

// bare is the form of the value itself, or of one member of it.
func bare(key string) form {
	return form{name: "key " + key, text: true, write: func(secret *agent.Secret) ([]byte, error) {
		value, err := secret.Key(key)
		if err == nil && value.Len() == 0 && key == "" {
			err = &agent.Error{
				Kind: agent.NotFound, Status: http.StatusNotFound, Code: "EmptySecret",
				Message: fmt.Sprintf("secret %q has no value", secret.Name), Hint: "store one, in Secrets Manager with: aws secretsmanager put-secret-value",
			}
		}
		return value.Reveal(), err
	}}
}

// plus undoes what a query makes of a + that was not escaped: names may hold +
// and never a space.
func plus(name string) string { return strings.ReplaceAll(name, " ", "+") }

func invalid(message string) error {
	return &agent.Error{Kind: agent.Invalid, Status: http.StatusBadRequest, Code: "InvalidRequest", Message: message}
}
