// Command bare is the empty extension with the packages of AWS's SDK that Larder
// links, and nothing done with them.
package main

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if len(os.Args) > 1 { // never, which the linker does not know
		use(context.Background())
	}
	at := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	req, _ := http.NewRequest(http.MethodPost, at+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", "bare")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(1)
	}
	resp.Body.Close()
	req, _ = http.NewRequest(http.MethodGet, at+"event/next", nil)
	req.Header.Set("Lambda-Extension-Identifier", resp.Header.Get("Lambda-Extension-Identifier"))
	http.DefaultClient.Do(req)
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
