package server

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// parameterScheme is Parameter Store's. A program that does not reach it answers
// from its default backend, as a local run does from its file.
const parameterScheme = "ssm"

// getParameterOutput is the body that AWS's Parameters and Secrets extension
// answers: what encoding/json makes of the output type of the AWS SDK for Go v2.
type getParameterOutput struct {
	Parameter      parameterOutput
	ResultMetadata struct{}
}

type parameterOutput struct {
	ARN              *string
	DataType         *string
	LastModifiedDate *time.Time
	Name             *string
	Selector         *string
	SourceResult     *string
	Type             string
	Value            *string
	Version          int64
}

// parametersGet answers GET /systemsmanager/parameters/get?name=…, with or
// without a slash before the query, as AWS's extension does.
func (s *Server) parametersGet(w http.ResponseWriter, r *http.Request) {
	given, err := awsParameters(r, "name", "version", "label", "withDecryption", "refreshNow", "roleArn")
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	if given["name"] == "" {
		refuse(w, r, http.StatusBadRequest, "ValidationException", "missing parameter name")
		return
	}
	decrypt, err := flag(given, "withDecryption")
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	ref := agent.Reference{Scheme: parameterScheme, ID: plus(given["name"])}
	query := url.Values{}
	if s.config.Cache.Serves(parameterScheme) {
		var selector string
		ref.ID, selector = cutSelector(ref.ID)
		switch {
		case selector == "":
		case strings.Trim(selector, "0123456789") == "":
			query.Set("version", selector)
		default:
			query.Set("label", selector)
		}
		if !decrypt && !strings.HasPrefix(ref.ID, "/aws/reference/secretsmanager/") { // which is always decrypted
			query.Set("withDecryption", "false")
		}
	} else {
		ref.Scheme = s.config.Backend
	}
	if name := versionOrLabel(r.URL.RawQuery); name != "" && !query.Has("version") && !query.Has("label") {
		query.Set(name, given[name])
	}
	if role, ok := given["roleArn"]; ok {
		query.Set("roleArn", role)
	}
	if _, err := flag(given, "refreshNow"); err != nil {
		refuse(w, r, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	q, err := askFor(ref, query, given, "refreshNow", parameterForm)
	if err != nil {
		fail(w, r, err)
		return
	}
	s.answer(w, r, q)
}

var parameterForm = inJSON("AWS's extension, parameter", func(secret *agent.Secret) getParameterOutput {
	return getParameterOutput{Parameter: parameter(secret)}
})

// versionOrLabel returns which of the two stands first in a query, and counts.
func versionOrLabel(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		one, _ := url.ParseQuery(pair) // which has been read before as a whole
		for _, name := range []string{"version", "label"} {
			if one.Has(name) {
				return name
			}
		}
	}
	return ""
}

// cutSelector takes the version or label from a name that has one, as
// GetParameter reads names: NAME:3, or an ARN's parameter/NAME:3.
func cutSelector(id string) (name, selector string) {
	from := 0
	if strings.HasPrefix(id, "arn:") {
		from = max(0, strings.Index(id, ":parameter/")+1)
	}
	name, selector, _ = strings.Cut(id[from:], ":")
	return id[:from] + name, selector
}

func parameter(secret *agent.Secret) parameterOutput {
	text := string(secret.Value.Reveal())
	out := parameterOutput{
		ARN:          present(secret.ARN),
		DataType:     present(secret.Detail["DataType"]),
		Name:         present(secret.Name),
		Selector:     present(secret.Detail["Selector"]),
		SourceResult: present(secret.Detail["SourceResult"]),
		Type:         secret.Detail["Type"],
		Value:        &text,
	}
	out.Version, _ = strconv.ParseInt(secret.Detail["Version"], 10, 64)
	if secret.Detail == nil { // not from Parameter Store
		out.DataType, out.Type, out.Version = present("text"), "String", 1
	}
	if !secret.Created.IsZero() {
		out.LastModifiedDate = &secret.Created
	}
	return out
}
