package parameterstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// maxListed bounds what one pattern may stand for.
const maxListed = 1000

// List implements [agent.Lister]: everything under a path, at any depth, ten a
// page.
func (b *backend) List(ctx context.Context, pattern agent.Reference, deliver func(*agent.Secret)) error {
	one := pattern
	one.ID = strings.TrimSuffix(pattern.ID, "*") + "any"
	q, err := b.question(one)
	switch {
	case err != nil:
		return err
	case q.selector() != "" || q.encrypted || !isPattern(pattern.ID) || strings.HasPrefix(pattern.ID, "/aws/reference/"):
		return invalid(pattern, "a pattern is written ssm:/path/*, with no parameter but roleArn", "")
	}
	path := strings.TrimSuffix(pattern.ID, "*")
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	in := &sdk.GetParametersByPathInput{Path: &path, Recursive: aws.Bool(true), WithDecryption: aws.Bool(true), MaxResults: aws.Int32(10)}
	for listed := 0; ; {
		out, err := awsapi.Call(ctx, b.API, q.at.Role, func(ctx context.Context) (*sdk.GetParametersByPathOutput, error) {
			return b.clients.At(q.at).GetParametersByPath(ctx, in)
		})
		if err != nil {
			return awsapi.Error(err, pattern.ID, "ssm:GetParametersByPath")
		}
		for i := range out.Parameters {
			p := &out.Parameters[i]
			one.ID = aws.ToString(p.Name)
			each := &question{ref: one, at: q.at}
			each.deliver = func(r agent.Result) {
				if r.Secret != nil {
					deliver(r.Secret)
				}
			}
			each.answer(p) // one that is empty is not there
		}
		if listed += len(out.Parameters); listed > maxListed {
			return invalid(pattern, fmt.Sprintf("more than %d parameters are under this path", maxListed), "name a longer path")
		}
		if out.NextToken == nil {
			return nil
		}
		in.NextToken = out.NextToken
	}
}
