package parameterstore

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/larder-secrets/larder/agent"
)

// The names of [agent.Secret.Detail], which are those of the service's answer.
const (
	DataType     = "DataType"
	Selector     = "Selector"
	SourceResult = "SourceResult"
	Type         = "Type"
	Version      = "Version"
)

// answer delivers the parameter, unless it is not the one that was asked for or
// holds nothing.
func (q *question) answer(p *types.Parameter) {
	switch {
	case p == nil || !q.isAnsweredBy(*p):
		q.deliver(agent.Result{Err: &agent.Error{
			Kind: agent.Unavailable, Status: 502, Code: "WrongAnswer", Message: fmt.Sprintf("parameter %q: the service answered for another", q.ref.ID),
		}})
		return
	case aws.ToString(p.Value) == "":
		q.deliver(agent.Result{Err: &agent.Error{
			Kind: agent.Invalid, Status: 400, Code: "EmptyParameter",
			Message: fmt.Sprintf("parameter %q is empty", q.ref.ID), Hint: "store a value with: aws ssm put-parameter",
		}})
		return
	}
	s := secretOf(p, q.aliases(p))
	s.Immutable = q.version != ""
	if q.ofSecret() {
		s.Name = q.ref.ID
	}
	if q.selector() != "" {
		s.Detail[Selector] = q.selector()
	}
	q.deliver(agent.Result{Secret: s})
}

func secretOf(p *types.Parameter, aliases []agent.Reference) *agent.Secret {
	s := &agent.Secret{
		Name: aws.ToString(p.Name), ARN: aws.ToString(p.ARN), Version: strconv.FormatInt(p.Version, 10), Created: aws.ToTime(p.LastModifiedDate),
		Value: agent.NewValue([]byte(*p.Value)), Aliases: aliases,
		Detail: map[string]string{Type: string(p.Type), Version: strconv.FormatInt(p.Version, 10)},
	}
	for name, text := range map[string]*string{DataType: p.DataType, SourceResult: p.SourceResult} {
		if text != nil {
			s.Detail[name] = *text
		}
	}
	if p.SourceResult != nil {
		var source struct{ VersionId string }
		json.Unmarshal([]byte(*p.SourceResult), &source) // where it is none, the version says nothing
		if source.VersionId != "" {
			s.Version = source.VersionId // the parameter's own is always 0
		}
	}
	return s
}

// aliases are the references to which p is the answer as well. The first, the
// identity, is the ARN, which holds region and account, with the role and the
// version that were asked for. The name is one only where it was asked for: it
// means another parameter in another region or account. What is not encrypted is
// the same whether it is to be decrypted or not.
func (q *question) aliases(p *types.Parameter) []agent.Reference {
	var ways []string
	switch {
	case p.Type != types.ParameterTypeSecureString:
		ways = []string{"", "false", "true"}
	case q.encrypted:
		ways = []string{"false"}
	default:
		ways = []string{"", "true"}
	}
	var aliases []agent.Reference
	for _, way := range ways {
		query := url.Values{}
		for name, value := range map[string]string{"version": q.version, "label": q.label, "roleArn": q.at.Role, "withDecryption": way} {
			if value != "" {
				query.Set(name, value)
			}
		}
		for _, id := range []string{aws.ToString(p.ARN), q.ref.ID} {
			if id != "" {
				aliases = append(aliases, agent.Reference{Scheme: q.ref.Scheme, ID: id, Query: query.Encode()})
			}
		}
	}
	return aliases
}
