// Command bare is the empty extension with the packages of AWS's SDK that Larder
// links, and nothing done with them.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/larder-secrets/larder/bench/least"
)

func main() {
	if len(os.Args) > 1 { // never, which the linker does not know
		use(context.Background())
	}
	least.Live("bare")
}

func use(ctx context.Context) {
	c := aws.Config{Credentials: endpointcreds.New("")}
	secrets, parameters := secretsmanager.NewFromConfig(c), ssm.NewFromConfig(c)
	secrets.GetSecretValue(ctx, nil)
	secrets.BatchGetSecretValue(ctx, nil)
	parameters.GetParameter(ctx, nil)
	parameters.GetParameters(ctx, nil)
	parameters.GetParametersByPath(ctx, nil)
	stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), "").Retrieve(ctx)
}
