package server

import (
	"net/http"
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
	q, err := ask(ref, given, "refresh", bare(given["key"]))
	if err != nil {
		fail(w, r, err)
		return
	}
	s.answer(w, r, q)
}
