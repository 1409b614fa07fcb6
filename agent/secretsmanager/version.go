package secretsmanager

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/larder-secrets/larder/agent"
)

// version is what both calls answer about one version of a secret.
type version struct {
	arn, name, id string
	stages        []string
	created       time.Time
	text          *string
	bytes         []byte
}

// answers reports whether the version is one of the secret that id names: by
// name, by ARN, or by ARN without the six characters that the service adds.
func (v version) answers(id string) bool {
	short, _ := agent.CutSuffix(v.arn)
	return v.name == id || v.arn == id || v.arn != "" && short == id
}

// answer delivers the version, unless it is not the one that was asked for or
// holds nothing.
func (q *question) answer(v version) {
	switch {
	case !v.answers(q.ref.ID):
		q.deliver(agent.Result{Err: wrong(q.ref.ID, "the service answered for another secret")})
		return
	case q.versionID != "" && v.id != q.versionID,
		q.versionID == "" && !slices.Contains(v.stages, q.wanted()):
		q.deliver(agent.Result{Err: wrong(q.ref.ID, "the service answered with another version")})
		return
	case aws.ToString(v.text) == "" && len(v.bytes) == 0:
		q.deliver(agent.Result{Err: &agent.Error{
			Kind: agent.Invalid, Status: 400, Code: "EmptySecret",
			Message: fmt.Sprintf("secret %q is empty", q.ref.ID), Hint: "store a value with: aws secretsmanager put-secret-value",
		}})
		return
	}
	s := &agent.Secret{
		Name: v.name, ARN: v.arn, Version: v.id, Stages: v.stages, Created: v.created,
		Immutable: q.versionID != "",
		Aliases:   q.aliases(v),
	}
	if aws.ToString(v.text) != "" {
		s.Value = agent.NewValue([]byte(*v.text))
	} else {
		s.Value, s.Binary = agent.NewValue(v.bytes), true
	}
	q.deliver(agent.Result{Secret: s})
}

func wrong(id, problem string) error {
	return &agent.Error{Kind: agent.Unavailable, Status: 502, Code: "WrongAnswer", Message: fmt.Sprintf("secret %q: %s", id, problem)}
}

// wanted is the stage that the answer has to carry where no version is named.
func (q *question) wanted() string {
	if q.stage == "" {
		return current
	}
	return q.stage
}

// aliases are the references to which v is the answer as well. The first, the
// identity, is the whole ARN, which holds region and account, with the role and
// the version that were asked for. A name is one only where it was asked for: it
// means another secret in another region or account. So is an ARN without its
// suffix where the name itself could be taken for one with it.
func (q *question) aliases(v version) []agent.Reference {
	ids := []string{v.arn, q.ref.ID}
	if _, ambiguous := agent.CutSuffix(v.name); !ambiguous {
		short, _ := agent.CutSuffix(v.arn)
		ids = append(ids, short)
	}
	var aliases []agent.Reference
	for _, stage := range q.stages() {
		query := url.Values{}
		for name, value := range map[string]string{"versionStage": stage, "versionId": q.versionID, "roleArn": q.at.Role} {
			if value != "" {
				query.Set(name, value)
			}
		}
		for _, id := range ids {
			aliases = append(aliases, agent.Reference{Scheme: q.ref.Scheme, ID: id, Query: query.Encode()})
		}
	}
	return aliases
}

// stages are the ways to ask for the stage of q: what is current needs no name.
func (q *question) stages() []string {
	if q.stage == "" && q.versionID == "" {
		return []string{"", current}
	}
	return []string{q.stage}
}

// arn is an ARN's parts as far as they matter here.
type arn struct{ service, region string }

func parseARN(id string) (arn, bool) {
	parts := strings.SplitN(id, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return arn{}, false
	}
	return arn{service: parts[2], region: parts[3]}, true
}
