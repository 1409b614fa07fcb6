package secretsmanager

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent/awsapi"
)

// single asks for one secret. The stage is always named: without it some
// versions of the service's emulators answer with a version that is no longer
// current.
func (b *backend) single(ctx context.Context, q *question) error {
	in := &sdk.GetSecretValueInput{SecretId: aws.String(q.ref.ID)}
	if q.versionID != "" {
		in.VersionId = aws.String(q.versionID)
	}
	if q.stage != "" || q.versionID == "" {
		in.VersionStage = aws.String(q.wanted())
	}
	out, err := awsapi.Call(ctx, b.API, q.at.Role, func(ctx context.Context) (*sdk.GetSecretValueOutput, error) {
		return b.clients.At(q.at).GetSecretValue(ctx, in)
	})
	b.throttled.Store(awsapi.Throttled(err))
	if err != nil {
		q.fail(err)
		return err
	}
	q.answer(version{
		arn: aws.ToString(out.ARN), name: aws.ToString(out.Name), id: aws.ToString(out.VersionId),
		stages: out.VersionStages, created: aws.ToTime(out.CreatedDate),
		text: out.SecretString, bytes: out.SecretBinary,
	})
	return nil
}
