package secretsmanager

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// batchSize is the most that BatchGetSecretValue takes (API reference,
// SecretIdList).
const batchSize = 20

// batch asks for up to twenty secrets in one call, following its pages, and has
// those asked for one by one that it cannot have: all where the call as a whole
// was refused, otherwise what the answer leaves out.
func (b *backend) batch(ctx context.Context, round *awsapi.Round, questions []*question) error {
	in := &sdk.BatchGetSecretValueInput{}
	for _, q := range questions {
		if !slices.Contains(in.SecretIdList, q.ref.ID) {
			in.SecretIdList = append(in.SecretIdList, q.ref.ID)
		}
	}
	for range batchSize { // a page holds an entry at least, or there is no end to them
		out, err := awsapi.Call(ctx, b.API, "", func(ctx context.Context) (*sdk.BatchGetSecretValueOutput, error) {
			return b.clients.At(awsapi.Place{}).BatchGetSecretValue(ctx, in, withoutThrottlingRetries)
		})
		if err != nil {
			return b.refused(ctx, round, questions, err)
		}
		questions = unanswered(questions, out)
		if out.NextToken == nil || len(questions) == 0 {
			break
		}
		in.NextToken = out.NextToken
	}
	b.each(ctx, round, questions)
	return nil
}

// unanswered delivers what out has for the questions and returns the rest.
func unanswered(questions []*question, out *sdk.BatchGetSecretValueOutput) []*question {
	return slices.DeleteFunc(questions, func(q *question) bool {
		for _, entry := range out.SecretValues {
			v := version{
				arn: aws.ToString(entry.ARN), name: aws.ToString(entry.Name), id: aws.ToString(entry.VersionId),
				stages: entry.VersionStages, created: aws.ToTime(entry.CreatedDate),
				text: entry.SecretString, bytes: entry.SecretBinary,
			}
			// A batch cannot ask for a stage, so what it answers is looked at.
			if v.answers(q.ref.ID) && slices.Contains(v.stages, current) {
				q.answer(v)
				return true
			}
		}
		for _, e := range out.Errors {
			if aws.ToString(e.SecretId) == q.ref.ID {
				q.deliver(agent.Result{Err: awsapi.Answer(aws.ToString(e.ErrorCode), aws.ToString(e.Message), q.ref.ID, "secretsmanager:GetSecretValue")})
				return true
			}
		}
		return false
	})
}

// refused decides what becomes of a batch that failed as a whole. Where the
// service is down it is down for single calls too; anything else may concern the
// batch alone.
func (b *backend) refused(ctx context.Context, round *awsapi.Round, questions []*question, err error) error {
	e := awsapi.Error(err, questions[0].ref.ID, "secretsmanager:BatchGetSecretValue")
	switch e.Kind {
	case agent.Unavailable:
		failAll(questions, err)
		return err
	case agent.Denied:
		if b.noBatch.CompareAndSwap(false, true) {
			b.log.Warn("secrets are fetched one by one: the role may not call BatchGetSecretValue",
				"permission", "secretsmanager:BatchGetSecretValue on *", "or_set", "LARDER_BATCH=off")
		}
	}
	b.each(ctx, round, questions)
	return nil
}

// withoutThrottlingRetries leaves a throttled batch to single calls, which have
// a quota a hundred times as large, instead of waiting for its turn.
func withoutThrottlingRetries(o *sdk.Options) { o.Retryer = batchRetryer{o.Retryer} }

type batchRetryer struct{ aws.Retryer }

func (r batchRetryer) IsErrorRetryable(err error) bool {
	return !awsapi.Throttled(err) && r.Retryer.IsErrorRetryable(err)
}
