// Package sdkconfig configures AWS as every program of the user's does: from the
// environment, from shared files and their profiles, by single sign-on, from the
// metadata of a machine. It is for where a start may take a millisecond more than
// in Lambda.
package sdkconfig

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/larder-secrets/larder/agent/awsapi"
)

// Load implements [awsapi.Base] with the SDK's own package.
func Load(ctx context.Context, _ awsapi.Config, with aws.Config) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(with.HTTPClient),
		config.WithRetryer(with.Retryer),
		config.WithLogger(with.Logger),
		config.WithAppID(with.AppID),
	)
}
