package server

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// pathPrefix is the key of the prefix in requests' contexts under which AWS's
// open-source agent has secrets by their names.
type pathPrefix struct{}

// agentPath returns what follows the prefix in the path, as it stands on the wire.
func agentPath(r *http.Request) (id string, ok bool) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, _ := r.Context().Value(pathPrefix{}).(string)
	if prefix == "" {
		return "", false
	}
	return strings.CutPrefix(path, prefix)
}

// agentOutput is the body that AWS's agent answers: what is missing is left out,
// and the time is a text of seconds since 1970.
type agentOutput struct {
	ARN           string   `json:",omitempty"`
	Name          string   `json:",omitempty"`
	VersionID     string   `json:"VersionId,omitempty"`
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   string   `json:",omitempty"`
}

// roleARN is how AWS's agent wants a role written.
var roleARN = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:role/.+$`)
})

// agentGet answers GET /v1/ID, or under another prefix, as AWS's agent does. The ID is the rest of the path
// as it stands, slashes and percent signs included.
func (s *Server) agentGet(w http.ResponseWriter, r *http.Request) {
	id, _ := agentPath(r)
	given, err := awsParameters(r, "versionStage", "versionId", "refreshNow", "roleArn")
	role, asked := given["roleArn"]
	_, flagErr := flag(given, "refreshNow")
	var unknown *unknownParameter
	switch {
	case id == "":
		refusePlainly(w, http.StatusBadRequest, "missing secret ID")
	case errors.As(err, &unknown):
		refusePlainly(w, http.StatusBadRequest, fmt.Sprintf("unknown parameter: %.64s", unknown.name))
	case err != nil:
		refusePlainly(w, http.StatusBadRequest, err.Error())
	case flagErr != nil:
		refusePlainly(w, http.StatusBadRequest, "invalid refreshNow value")
	case asked && !roleARN().MatchString(role):
		refusePlainly(w, http.StatusBadRequest, "invalid roleArn format, expected arn:<partition>:iam::<account>:role/<name>")
	default:
		q, err := ask(agent.Reference{Scheme: s.config.Backend, ID: id}, given, "refreshNow", agentForm)
		if err != nil {
			fail(w, r, err)
			return
		}
		s.answer(w, r, q)
	}
}

var agentForm = inJSON("AWS's agent", agentSecret)

func agentSecret(secret *agent.Secret) agentOutput {
	out := agentOutput{ARN: secret.ARN, Name: secret.Name, VersionID: secret.Version, VersionStages: secret.Stages}
	if secret.Binary {
		out.SecretBinary = secret.Value.Reveal()
	} else {
		text := string(secret.Value.Reveal())
		out.SecretString = &text
	}
	if !secret.Created.IsZero() {
		out.CreatedDate = epoch(secret.Created)
	}
	return out
}

// epoch writes seconds since 1970 with as many decimals as there are.
func epoch(t time.Time) string {
	text := strconv.FormatInt(t.Unix(), 10)
	if nanos := t.Nanosecond(); nanos > 0 {
		text += "." + strings.TrimRight(strconv.Itoa(1e9 + nanos)[1:], "0")
	}
	return text
}

// agentTexts are what AWS's agent says, word for word, where it refuses a request
// before it looks for a secret.
var agentTexts = map[string]string{
	"ConnectionLimitExceeded": "Connection limit exceeded",
	"Forwarded":               "Forwarded",
	"BadToken":                "Bad Token",
	"MethodNotAllowed":        "Not allowed",
	"NotFound":                "Not found",
}

// agentClient reports whether the path is one that clients of AWS's agent alone
// ask for.
func agentClient(r *http.Request) bool {
	_, ok := agentPath(r)
	return ok
}
