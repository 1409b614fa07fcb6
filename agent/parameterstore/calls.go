package parameterstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// batchSize is the most that GetParameters takes (API reference, Names).
const batchSize = 10

// groups are the questions that one call can answer: at one place, decrypted or
// not, each parameter once. What Secrets Manager holds is asked for alone.
func (b *backend) groups(questions []*question) [][]*question {
	type kind struct {
		at        awsapi.Place
		encrypted bool
	}
	var groups [][]*question
	open := map[kind][]int{} // of groups that have room
	for _, q := range questions {
		if q.ofSecret() || b.alone.Load() {
			groups = append(groups, []*question{q})
			continue
		}
		k := kind{q.at, q.encrypted}
		i := slices.IndexFunc(open[k], func(g int) bool {
			return len(groups[g]) < batchSize && !slices.ContainsFunc(groups[g], func(other *question) bool { return other.ref.ID == q.ref.ID })
		})
		if i < 0 {
			open[k] = append(open[k], len(groups))
			groups = append(groups, []*question{q})
			continue
		}
		g := open[k][i]
		groups[g] = append(groups[g], q)
	}
	return groups
}

// single asks for one parameter.
func (b *backend) single(ctx context.Context, q *question) error {
	in := &sdk.GetParameterInput{Name: aws.String(q.asked()), WithDecryption: aws.Bool(!q.encrypted)}
	out, err := awsapi.Call(ctx, b.API, q.at.Role, func(ctx context.Context) (*sdk.GetParameterOutput, error) {
		return b.clients.At(q.at).GetParameter(ctx, in)
	})
	if err != nil {
		q.fail(err)
		return err
	}
	q.answer(out.Parameter)
	return nil
}

// batch asks for several. Where the call as a whole is refused, one of them may
// be why, and they are asked for one by one.
func (b *backend) batch(ctx context.Context, round *awsapi.Round, questions []*question) error {
	in := &sdk.GetParametersInput{WithDecryption: aws.Bool(!questions[0].encrypted)}
	for _, q := range questions {
		in.Names = append(in.Names, q.asked())
	}
	at := questions[0].at
	out, err := awsapi.Call(ctx, b.API, at.Role, func(ctx context.Context) (*sdk.GetParametersOutput, error) {
		return b.clients.At(at).GetParameters(ctx, in)
	})
	if err != nil {
		e := awsapi.Error(err, questions[0].ref.ID, "ssm:GetParameters")
		if e.Kind.Outage() {
			failAll(questions, err)
			return err
		}
		if e.Kind == agent.Denied && e.Action == "ssm:GetParameters" && b.alone.CompareAndSwap(false, true) {
			b.log.Info("parameters are fetched one by one: the role may not call GetParameters on all of them", "permission", "ssm:GetParameters")
		}
		b.each(ctx, round, questions)
		return nil
	}
	var missing []*question
	for _, q := range questions {
		i := slices.IndexFunc(out.Parameters, q.isAnsweredBy)
		switch {
		case i >= 0:
			q.answer(&out.Parameters[i])
		case slices.Contains(out.InvalidParameters, q.asked()):
			q.deliver(agent.Result{Err: awsapi.Answer("ParameterNotFound", "there is no such parameter, or no such version of it", q.ref.ID, "ssm:GetParameters")})
		default:
			missing = append(missing, q)
		}
	}
	b.each(ctx, round, missing)
	return nil
}

// isAnsweredBy reports whether the parameter is the one that q asks for, in the
// version that it asks for, as far as the answer tells.
func (q *question) isAnsweredBy(p types.Parameter) bool {
	name := aws.ToString(p.Name)
	return (name == q.ref.ID || aws.ToString(p.ARN) == q.ref.ID || q.ofSecret() && secretPrefix+name == q.ref.ID) &&
		(p.Selector == nil || *p.Selector == q.selector()) &&
		(q.version == "" || strconv.FormatInt(p.Version, 10) == q.version)
}
