package agenttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Call is one request as AWS's protocols write it. What a request does not have
// is empty.
type Call struct {
	Operation string   // such as GetSecretValue
	IDs       []string // the secrets that are asked for
	Stage     string
	VersionID string
	NextToken string
	RoleARN   string // that is to be assumed
	Number    int    // of this operation, from 1

	// Of the signature, which nobody checks.
	AccessKey string
	Region    string

	Connection string // the same for all calls on one
	Header     http.Header
}

// maxRequest is more than any request for secrets takes.
const maxRequest = 1 << 20

// credential is the part of a SigV4 signature that says who signed for where.
var credential = regexp.MustCompile(`Credential=([^/]+)/\d{8}/([^/]+)/`)

// readCall takes r apart and leaves its body to be read again.
func readCall(r *http.Request) Call {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest)) // what is cut is no call
	r.Body = io.NopCloser(bytes.NewReader(body))
	call := Call{Header: r.Header.Clone(), Connection: r.RemoteAddr}
	if signed := credential.FindStringSubmatch(r.Header.Get("Authorization")); signed != nil {
		call.AccessKey, call.Region = signed[1], signed[2]
	}
	_, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok { // the older protocol, which STS speaks
		form, _ := url.ParseQuery(string(body))
		call.Operation, call.RoleARN = form.Get("Action"), form.Get("RoleArn")
		return call
	}
	call.Operation = operation
	var in struct {
		SecretId     string
		SecretIdList []string
		VersionStage string
		VersionId    string
		NextToken    string
	}
	json.Unmarshal(body, &in) // where it fails there is nothing to note
	call.IDs = in.SecretIdList
	if in.SecretId != "" {
		call.IDs = []string{in.SecretId}
	}
	call.Stage, call.VersionID, call.NextToken = in.VersionStage, in.VersionId, in.NextToken
	return call
}
