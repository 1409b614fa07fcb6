package sdkconfig_test

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/awsapi"
	"github.com/larder-secrets/larder/agent/awsapi/sdkconfig"
)

// outcome is what a configuration leads to.
type outcome struct {
	region, secrets, parameters string // the latter are hosts that are asked
	key, token, account         string
	failed                      bool
}

// TestEnvironmentIsReadAsTheSDKDoes holds the extension's reading of variables
// against the SDK's own.
func TestEnvironmentIsReadAsTheSDKDoes(t *testing.T) {
	keys := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
	container := agenttest.NewCredentials(t).Environment("")
	uri, token := container["AWS_CONTAINER_CREDENTIALS_FULL_URI"], container["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
	tests := []struct {
		name   string
		change map[string]string
	}{
		{"as in Lambda", nil},
		{"no session token", map[string]string{"AWS_SESSION_TOKEN": ""}},
		{"another region", map[string]string{"AWS_REGION": "us-gov-west-1"}},
		{"the default region", map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-north-1"}},
		{"two regions", map[string]string{"AWS_DEFAULT_REGION": "eu-north-1"}},
		{"the keys' older names", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ACCESS_KEY": "AKIDOLDER", "AWS_SECRET_KEY": "older"}},
		{"an account", map[string]string{"AWS_ACCOUNT_ID": "123456789012"}},
		{"one endpoint", map[string]string{"AWS_ENDPOINT_URL": "https://one.example.test/path"}},
		{"a service's endpoint", map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://secrets.example.test"}},
		{"both", map[string]string{"AWS_ENDPOINT_URL": "https://one.example.test", "AWS_ENDPOINT_URL_SSM": "https://parameters.example.test"}},
		{"both, ignored", map[string]string{"AWS_ENDPOINT_URL": "https://one.example.test", "AWS_ENDPOINT_URL_SSM": "https://parameters.example.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}},
		{"both, not ignored", map[string]string{"AWS_ENDPOINT_URL": "https://one.example.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "FALSE"}},
		{"FIPS", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}},
		{"FIPS, in other case", map[string]string{"AWS_USE_FIPS_ENDPOINT": "True"}},
		{"no FIPS", map[string]string{"AWS_USE_FIPS_ENDPOINT": "false"}},
		{"FIPS or not", map[string]string{"AWS_USE_FIPS_ENDPOINT": "maybe"}},
		{"dual stack", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}},
		{"dual stack or not", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "1"}},
		{"FIPS and dual stack", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}},
		{"no such bundle", map[string]string{"AWS_CA_BUNDLE": "/nowhere/ca.pem"}},
		{"a bundle of nothing", map[string]string{"AWS_CA_BUNDLE": os.DevNull}},
		{"credentials of a container", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}},
		{"half a key, and a container", map[string]string{"AWS_SECRET_ACCESS_KEY": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}},
		{"keys before a container", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1"}},
		{"a container with the wrong token", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong"}},
		{"a container's token in a file", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file(t, token)}},
		{"a container elsewhere", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"}},
		{"a container at no address", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container"}},
		{"a token that is not there", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere/token"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull}
			maps.Copy(env, keys)
			maps.Copy(env, test.change)
			agenttest.SetenvAll(t, env)
			ours, theirs := of(t, awsapi.Environment), of(t, sdkconfig.Load)
			if ours != theirs {
				t.Errorf("read to mean\n%+v; to the SDK it means\n%+v", ours, theirs)
			}
		})
	}
}

func file(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// of tells what base makes of the environment.
func of(t *testing.T, base awsapi.Base) outcome {
	api, err := awsapi.Load(t.Context(), awsapi.Config{Getenv: os.Getenv, Base: base, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return outcome{failed: true}
	}
	config := api.For("", "")
	given, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		return outcome{region: config.Region, failed: true}
	}
	o := outcome{region: config.Region, key: given.AccessKeyID, token: given.SessionToken, account: given.AccountID}
	o.secrets = asked(config, func(c aws.Config) {
		secretsmanager.NewFromConfig(c).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")})
	})
	o.parameters = asked(config, func(c aws.Config) {
		ssm.NewFromConfig(c).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("a")})
	})
	return o
}

// asked returns the URL that call asks; nothing is sent.
func asked(config aws.Config, call func(aws.Config)) string {
	var at string
	config.HTTPClient = doer(func(req *http.Request) (*http.Response, error) {
		at = req.URL.String()
		return nil, context.Canceled
	})
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	call(config)
	return at
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(req *http.Request) (*http.Response, error) { return d(req) }

func TestNoSuchProfile(t *testing.T) {
	agenttest.Setenv(t, "http://127.0.0.1:1")
	t.Setenv("AWS_PROFILE", "nobody")
	_, err := awsapi.Load(t.Context(), awsapi.Config{Getenv: os.Getenv, Base: sdkconfig.Load, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v, want an error that names the profile", err)
	}
}
