package server

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-secrets/larder/agent"
)

// secret answers GET /secret?name=REF[&key=][&versionStage=|&versionId=][&roleArn=][&refresh=true],
// for a parameter with version or label instead, with the bare value. ETag is the version, Age the seconds since the backend
// was asked, and Larder-Stale: true says that it has not answered since the TTL
// ended.
func (s *Server) secret(w http.ResponseWriter, r *http.Request) {
	given, err := parameters(r, "name", "key", "versionStage", "versionId", "version", "label", "roleArn", "refresh")
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if given["name"] == "" {
		refuse(w, r, http.StatusBadRequest, "InvalidRequest", "missing parameter name: /secret?name=my-api-key")
		return
	}
	ref, err := agent.ParseName(plus(given["name"]), s.config.Backend)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "InvalidRequest", "parameter name: "+err.Error())
		return
	}
	if strings.HasPrefix(ref.ID, "arn:") && !s.config.Cache.Serves(ref.Scheme) {
		ref.Scheme = s.config.Backend // a local run, in which the ARN stands for the name in it
	}
	reading, err := s.read(r.Context(), ref, given, "refresh")
	if err != nil {
		fail(w, r, err)
		return
	}
	value, err := reading.Secret.Key(given["key"])
	if err != nil {
		fail(w, r, err)
		return
	}
	if value.Len() == 0 && given["key"] == "" {
		fail(w, r, &agent.Error{
			Kind: agent.NotFound, Status: http.StatusNotFound, Code: "EmptySecret",
			Message: fmt.Sprintf("secret %q has no value", ref.ID), Hint: "store one, in Secrets Manager with: aws secretsmanager put-secret-value",
		})
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	if reading.Secret.Binary {
		header.Set("Content-Type", "application/octet-stream")
	}
	header.Set("Content-Length", strconv.Itoa(value.Len()))
	setReading(header, reading)
	w.Write(value.Reveal())
}

// read gets what the version parameters and refresh, under the name that the
// endpoint has for it, ask for. The reference is built from the parameters and
// never parsed, so that no name can carry parameters of its own.
func (s *Server) read(ctx context.Context, ref agent.Reference, given map[string]string, refresh string) (agent.Reading, error) {
	fresh, err := flag(given, refresh)
	if err != nil {
		return agent.Reading{}, invalid(err.Error())
	}
	query := url.Values{}
	for _, name := range []string{"versionStage", "versionId", "version", "label", "roleArn"} {
		if text, ok := given[name]; ok {
			query.Set(name, text)
		}
	}
	return s.get(ctx, ref, query, fresh)
}

// get asks the cache for what ref names, with the backend's own parameters.
func (s *Server) get(ctx context.Context, ref agent.Reference, query url.Values, fresh bool) (_ agent.Reading, err error) {
	if ref.Query, err = agent.CanonicalQuery(query); err != nil {
		return agent.Reading{}, invalid("parameter " + err.Error())
	}
	mode := agent.Cached
	if fresh {
		mode = agent.Fresh
	}
	return s.config.Cache.Get(ctx, ref, mode)
}

// setReading says in the header what is known of the value's version and age.
func setReading(header http.Header, reading agent.Reading) {
	if version := reading.Secret.Version; version != "" {
		header.Set("ETag", strconv.Quote(version))
	}
	header.Set("Age", strconv.Itoa(int(reading.Age.Seconds())))
	header.Set("Cache-Status", cacheStatus(reading))
	if reading.Stale {
		header.Set("Larder-Stale", "true")
	}
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

// plus undoes what a query makes of a + that was not escaped: names may hold +
// and never a space.
func plus(name string) string { return strings.ReplaceAll(name, " ", "+") }

func invalid(message string) error {
	return &agent.Error{Kind: agent.Invalid, Status: http.StatusBadRequest, Code: "InvalidRequest", Message: message}
}
