package agenttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// AWS is a Secrets Manager that fails on demand: GetSecretValue and
// BatchGetSecretValue for secrets in memory, and AssumeRole, after which a name
// means a secret of the role's account. It is for what a real one, or moto,
// cannot be made to do.
//
//	aws := agenttest.NewAWS(t)
//	aws.Put("db", "the value")
//	aws.Always("BatchGetSecretValue", agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"))
//	agenttest.Setenv(t, aws.URL)
type AWS struct {
	*Server
	*store

	mu       sync.Mutex // guards all below
	refusals map[string]BatchError
	expired  map[string]bool
	page     int
	assumed  int // roles
}

// Batch is the answer to BatchGetSecretValue.
type Batch struct {
	SecretValues []Version
	Errors       []BatchError
	NextToken    string `json:",omitempty"`
}

// BatchError is why one secret is missing from a batch.
type BatchError struct {
	SecretID  string `json:"SecretId"`
	ErrorCode string
	Message   string
}

// NewAWS starts a Secrets Manager that ends with t.
func NewAWS(t testing.TB) *AWS { return newAWS(t, false) }

// NewTLSAWS is NewAWS with TLS, and with a certificate that [Server.CAFile]
// writes.
func NewTLSAWS(t testing.TB) *AWS { return newAWS(t, true) }

func newAWS(t testing.TB, secure bool) *AWS {
	t.Helper()
	a := &AWS{store: newStore(), refusals: map[string]BatchError{}, expired: map[string]bool{}}
	a.Server = newServer(t, http.HandlerFunc(a.serve), secure)
	return a
}

// Refuse has every question for id answered with an error, within a batch too.
func (a *AWS) Refuse(id, code, message string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusals[id] = BatchError{SecretID: id, ErrorCode: code, Message: message}
}

// Paginate has batches answered by so many entries a page.
func (a *AWS) Paginate(size int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.page = size
}

// Expire has every call that is signed with the access key refused.
func (a *AWS) Expire(accessKey string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expired[accessKey] = true
}

func (a *AWS) serve(w http.ResponseWriter, r *http.Request) {
	var body any
	call := readCall(r)
	a.mu.Lock()
	expired := a.expired[call.AccessKey]
	a.mu.Unlock()
	switch {
	case expired && call.Operation == "AssumeRole":
		RefuseXML(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")(w, r, nil)
		return
	case expired:
		refuse(w, http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired")
		return
	case call.Operation == "AssumeRole":
		a.assumeRole(w, call)
		return
	case call.Operation == "GetSecretValue":
		v, failure := a.get(call, strings.Join(call.IDs, ""))
		if failure != nil {
			refuse(w, http.StatusBadRequest, failure.ErrorCode, failure.Message)
			return
		}
		body = v
	case call.Operation == "BatchGetSecretValue":
		body = a.batch(call)
	default:
		refuse(w, http.StatusBadRequest, "UnknownOperationException", "this server does not know "+call.Operation)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(body)
}

// get looks up what call asks of the secret id.
func (a *AWS) get(call Call, id string) (Version, *BatchError) {
	a.mu.Lock()
	refusal, refused := a.refusals[id]
	a.mu.Unlock()
	if refused {
		return Version{}, &refusal
	}
	if v, ok := a.find(call, id); ok {
		return v, nil
	}
	return Version{}, &BatchError{SecretID: id, ErrorCode: "ResourceNotFoundException", Message: "Secrets Manager can't find the specified secret."}
}

// batch answers a page; its token is where the next begins.
func (a *AWS) batch(call Call) Batch {
	a.mu.Lock()
	size := a.page
	a.mu.Unlock()
	begin := 0
	fmt.Sscan(call.NextToken, &begin)
	ids := call.IDs[min(begin, len(call.IDs)):]
	out := Batch{SecretValues: []Version{}, Errors: []BatchError{}}
	if size > 0 && len(ids) > size {
		ids = ids[:size]
		out.NextToken = fmt.Sprint(begin + size)
	}
	for _, id := range ids {
		if v, failure := a.get(call, id); failure != nil {
			out.Errors = append(out.Errors, *failure)
		} else {
			out.SecretValues = append(out.SecretValues, v)
		}
	}
	return out
}

// roleKey begins the access keys of roles; the account follows, and a number.
const roleKey = "ROLE"

// assumeRole answers in the older protocol, with credentials that tell the
// role's account. They are numbered, so that a test sees when others are used.
func (a *AWS) assumeRole(w http.ResponseWriter, call Call) {
	a.mu.Lock()
	a.assumed++
	number := a.assumed
	a.mu.Unlock()
	account := strings.Split(call.RoleARN+":::::", ":")[4]
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
		`<AccessKeyId>%s%s%04d</AccessKeyId><SecretAccessKey>test-key-of-a-role</SecretAccessKey><SessionToken>role-session</SessionToken><Expiration>%s</Expiration>`+
		`</Credentials></AssumeRoleResult></AssumeRoleResponse>`,
		roleKey, account, number, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// account is whose secrets a name means to the call.
func (c Call) account() string {
	if key, ok := strings.CutPrefix(c.AccessKey, roleKey); ok && len(key) > len(Account) {
		return key[:len(Account)]
	}
	return Account
}
