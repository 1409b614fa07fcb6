package parameterstore

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// secretPrefix begins the names under which Parameter Store passes on what
// Secrets Manager holds.
const secretPrefix = "/aws/reference/secretsmanager/"

// question is one reference, taken apart.
type question struct {
	ref       agent.Reference
	at        awsapi.Place
	version   string // or label: at most one of them
	label     string
	encrypted bool // not to be decrypted
	deliver   func(agent.Result)
}

// question takes ref apart and refuses what Parameter Store cannot be asked.
func (b *backend) question(ref agent.Reference) (*question, error) {
	query, err := url.ParseQuery(ref.Query)
	if err != nil {
		return nil, invalid(ref, "the query cannot be read", "")
	}
	q := &question{ref: ref}
	for name := range query {
		value := query.Get(name)
		switch name {
		case "version":
			q.version = value
		case "label":
			q.label = value
		case "roleArn":
			q.at.Role = value
		case "withDecryption":
			if q.encrypted = value == "false"; !q.encrypted && value != "true" {
				return nil, invalid(ref, fmt.Sprintf("withDecryption %q", value), "use true or false")
			}
		default:
			return nil, invalid(ref, fmt.Sprintf("unknown parameter %q", name), "use version, label, withDecryption or roleArn")
		}
	}
	region, isARN := regionOf(ref.ID)
	switch {
	case q.version != "" && q.label != "":
		return nil, invalid(ref, "version and label are both given", "use one of them")
	case strings.Trim(q.version, "0123456789") != "":
		return nil, invalid(ref, fmt.Sprintf("version %q is not a number", q.version), "a label is given as label=NAME")
	case isPattern(ref.ID):
		return nil, invalid(ref, "this is a pattern for LARDER_SECRETS", "name one parameter under it")
	case strings.HasPrefix(ref.ID, "arn:") && !isARN:
		return nil, invalid(ref, "this is not the ARN of a parameter", "it is written arn:aws:ssm:REGION:ACCOUNT:parameter/NAME")
	case strings.Contains(ref.ID, ":") && !isARN:
		return nil, invalid(ref, "a name holds no colon", "the version is given as version=NUMBER, a label as label=NAME")
	}
	if err := b.CheckRole(ref.ID, q.at.Role); err != nil {
		return nil, err
	}
	if isARN && region != b.Region() {
		q.at.Region = region
	}
	if q.ofSecret() {
		q.encrypted = false // the service refuses anything else
	}
	return q, nil
}

// ofSecret reports whether Secrets Manager holds the value.
func (q *question) ofSecret() bool { return strings.HasPrefix(q.ref.ID, secretPrefix) }

// selector is what follows the name in a call.
func (q *question) selector() string {
	if choice := q.version + q.label; choice != "" {
		return ":" + choice
	}
	return ""
}

// asked is the name as a call has it.
func (q *question) asked() string { return q.ref.ID + q.selector() }

// fail answers with what a failed call means.
func (q *question) fail(err error) {
	q.deliver(agent.Result{Err: awsapi.Error(err, q.ref.ID, "ssm:GetParameter")})
}

func invalid(ref agent.Reference, problem, hint string) error {
	return &agent.Error{
		Kind: agent.Invalid, Status: 400, Code: "ValidationException",
		Message: fmt.Sprintf("parameter %q: %s", ref.ID, problem), Hint: hint,
	}
}

// regionOf returns the region of a parameter's ARN.
func regionOf(id string) (region string, ok bool) {
	parts := strings.SplitN(id, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "ssm" || !strings.HasPrefix(parts[5], "parameter/") {
		return "", false
	}
	return parts[3], true
}

// isPattern reports whether id stands for everything under a path.
func isPattern(id string) bool { return strings.HasPrefix(id, "/") && strings.HasSuffix(id, "/*") }
