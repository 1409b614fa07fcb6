package awsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	static "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
)

// Environment reads the configuration from environment variables alone, which is
// where Lambda puts it. They mean what they mean to the SDK; what it would read
// from shared files, or ask other services for, is left out, since linking that
// costs every cold start 0.6 ms and 1.5 MB before the first line of main
// (bench/report.md).
func Environment(_ context.Context, c Config, with aws.Config) (aws.Config, error) {
	e := environment(c.Getenv)
	for _, name := range []string{"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		if v := e(name); v != "" && v != os.DevNull {
			c.Log.Warn("a variable has no effect: in Lambda the configuration of AWS comes from the environment alone", "variable", name)
		}
	}
	with.Region = e.first("AWS_REGION", "AWS_DEFAULT_REGION")
	with.ConfigSources = []any{e}
	if endpoint := e("AWS_ENDPOINT_URL"); endpoint != "" && !e.is("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		with.BaseEndpoint = &endpoint
	}
	for _, name := range []string{"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} {
		if v := e(name); v != "" && !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
			return with, fmt.Errorf("%s: %q is neither true nor false", name, v)
		}
	}
	var err error
	if with.HTTPClient, err = e.trust(with.HTTPClient); err != nil {
		return with, err
	}
	with.Credentials, err = e.credentials(with.Retryer)
	return with, err
}

// environment looks up variables. Its exported methods are those by which the
// SDK's clients ask a configuration for what is not in an aws.Config.
type environment func(string) string

// first returns the first of the variables that is set.
func (e environment) first(names ...string) string {
	for _, name := range names {
		if v := e(name); v != "" {
			return v
		}
	}
	return ""
}

func (e environment) is(name string) bool { return strings.EqualFold(e(name), "true") }

func (e environment) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	if !e.is("AWS_USE_FIPS_ENDPOINT") {
		return aws.FIPSEndpointStateUnset, false, nil
	}
	return aws.FIPSEndpointStateEnabled, true, nil
}

func (e environment) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	if !e.is("AWS_USE_DUALSTACK_ENDPOINT") {
		return aws.DualStackEndpointStateUnset, false, nil
	}
	return aws.DualStackEndpointStateEnabled, true, nil
}

func (e environment) GetIgnoreConfiguredEndpoints(context.Context) (value, found bool, err error) {
	return e.is("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), true, nil
}

func (e environment) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	v := e("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return v, v != "", nil
}

// trust makes the client accept what AWS_CA_BUNDLE signs, and nothing else.
func (e environment) trust(client aws.HTTPClient) (aws.HTTPClient, error) {
	path := e("AWS_CA_BUNDLE")
	if path == "" {
		return client, nil
	}
	certificates, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate in PEM", path)
	}
	return client.(*awshttp.BuildableClient).WithTransportOptions(func(t *http.Transport) {
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.RootCAs = pool
	}), nil
}

const (
	// containerHost is where AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is relative to
	// (AWS SDKs and Tools Reference Guide, "Container credential provider").
	containerHost = "http://169.254.170.2"

	// expiryWindow is how long before their end credentials are loaded anew.
	expiryWindow = 5 * time.Minute
)

// credentials returns where credentials come from: the function's own keys, or,
// after a restore from a snapshot, an address on this machine. nil is nowhere.
func (e environment) credentials(retryer func() aws.Retryer) (aws.CredentialsProvider, error) {
	id, secret := e.first("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), e.first("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	if id != "" && secret != "" {
		return static.StaticCredentialsProvider{Value: aws.Credentials{
			AccessKeyID: id, SecretAccessKey: secret, SessionToken: e("AWS_SESSION_TOKEN"),
			AccountID: e("AWS_ACCOUNT_ID"), Source: "environment",
		}}, nil
	}
	from := e("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := e("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		from = containerHost + relative
	}
	if from == "" {
		return nil, nil
	}
	if u, err := url.Parse(from); err != nil || u.Host == "" || u.Scheme != "https" && !givesCredentials(u.Hostname()) {
		return nil, errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI: credentials come from this machine, or over https")
	}
	provider := endpointcreds.New(from, func(o *endpointcreds.Options) {
		o.AuthorizationToken = e("AWS_CONTAINER_AUTHORIZATION_TOKEN")
		if path := e("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); path != "" {
			o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) {
				token, err := os.ReadFile(path)
				return string(token), err
			})
		}
		o.Retryer = retryer()
	})
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow }), nil
}

// givesCredentials reports whether host is this machine, or one of the addresses
// at which ECS and EKS hand out credentials.
func givesCredentials(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (address.IsLoopback() || slices.Contains([]string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}, host))
}
