package agenttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region is where the secrets of [AWS] are, unless their ARN says otherwise.
const Region = "us-east-1"

// AWS is a Secrets Manager that fails on demand: GetSecretValue and
// BatchGetSecretValue for secrets in memory, of which each has one version. It
// is for what a real one, or moto, cannot be made to do.
//
//	aws := agenttest.NewAWS(t)
//	aws.Put("db", "the value")
//	aws.Always("BatchGetSecretValue", agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"))
//	agenttest.Setenv(t, aws.URL)
type AWS struct {
	*Server

	mu       sync.Mutex // guards all below
	secrets  []Version
	refusals map[string]BatchError
	page     int
}

// Version is one version of a secret, as Secrets Manager writes it.
type Version struct {
	ARN           string
	Name          string
	VersionID     string `json:"VersionId"`
	VersionStages []string
	CreatedDate   float64 // seconds since 1970
	SecretString  *string `json:",omitempty"`
	SecretBinary  []byte  `json:",omitempty"`
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
func NewAWS(t testing.TB) *AWS {
	t.Helper()
	a := &AWS{refusals: map[string]BatchError{}}
	a.Server = newServer(t, http.HandlerFunc(a.serve), false)
	return a
}

// NewTLSAWS is NewAWS with TLS, and with a certificate that [Server.CAFile]
// writes.
func NewTLSAWS(t testing.TB) *AWS {
	t.Helper()
	a := &AWS{refusals: map[string]BatchError{}}
	a.Server = newServer(t, http.HandlerFunc(a.serve), true)
	return a
}

// Put stores text as the current version of the secret called name.
func (a *AWS) Put(name, text string) Version {
	return a.PutVersion(Version{Name: name, SecretString: &text})
}

// PutVersion stores v in the place of any other of its ARN; of what is missing
// but the value, it makes something up.
func (a *AWS) PutVersion(v Version) Version {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v.ARN == "" {
		v.ARN = ARN(Region, v.Name)
	}
	if v.VersionID == "" {
		v.VersionID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(a.secrets)+1)
	}
	if v.VersionStages == nil {
		v.VersionStages = []string{"AWSCURRENT"}
	}
	if v.CreatedDate == 0 {
		v.CreatedDate = float64(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	}
	a.secrets = append(slices.DeleteFunc(a.secrets, func(old Version) bool { return old.ARN == v.ARN }), v)
	return v
}

// ARN returns the ARN of the secret called name.
func ARN(region, name string) string {
	return "arn:aws:secretsmanager:" + region + ":123456789012:secret:" + name + "-AbCdEf"
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

func (a *AWS) serve(w http.ResponseWriter, r *http.Request) {
	var body any
	call := readCall(r)
	switch call.Operation {
	case "GetSecretValue":
		v, failure := a.get(call, strings.Join(call.IDs, ""))
		if failure != nil {
			refuse(w, http.StatusBadRequest, failure.ErrorCode, failure.Message)
			return
		}
		body = v
	case "BatchGetSecretValue":
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
	defer a.mu.Unlock()
	if refusal, ok := a.refusals[id]; ok {
		return Version{}, &refusal
	}
	for _, v := range a.secrets {
		named := v.Name == id && strings.Contains(v.ARN, ":"+call.Region+":")
		if !named && v.ARN != id && strings.TrimSuffix(v.ARN, "-AbCdEf") != id {
			continue
		}
		if call.VersionID != "" && call.VersionID != v.VersionID || call.Stage != "" && !slices.Contains(v.VersionStages, call.Stage) {
			break
		}
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
