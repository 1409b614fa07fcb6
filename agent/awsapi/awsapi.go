// Package awsapi is what the AWS backends share: the configuration, which is
// loaded once, credentials for each role, an HTTP client with limits, and what
// AWS's errors mean.
//
//	api, err := awsapi.Load(ctx, awsapi.Config{Getenv: os.Getenv, Base: sdkconfig.Load, MaxConnections: 8})
//	client := secretsmanager.NewFromConfig(api.For("eu-west-1", ""))
//
// It honours what every AWS SDK honours: AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT,
// AWS_CA_BUNDLE, HTTPS_PROXY and the rest; with package sdkconfig also AWS_PROFILE
// and what the shared files say.
package awsapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/larder-secrets/larder/agent"
)

const (
	maxAttempts = 3

	// The pauses between attempts are short, since who waits has little time; the
	// cache's own back-off keeps calls apart. With longer ones storms of cold starts
	// that are throttled for seconds end later (bench/scale).
	pause          = 100 * time.Millisecond
	throttledPause = 150 * time.Millisecond
)

// Config says how AWS is called.
type Config struct {
	Getenv         func(string) string
	Base           Base
	Lambda         bool     // whose user is told what to do about missing credentials
	MaxConnections int      // for each host
	AllowPlainHTTP bool     // http:// beyond this machine
	Roles          []string // that may be assumed
	Log            *slog.Logger
}

// Base completes a configuration, which has what calls are made with: where the
// service is and as whom it is asked. It makes no call. Two exist: [Environment],
// and package sdkconfig's.
type Base func(ctx context.Context, c Config, with aws.Config) (aws.Config, error)

// API makes configurations for clients.
type API struct {
	config Config
	base   aws.Config
	client *limited
	own    *credentials

	mu    sync.Mutex // guards roles
	roles map[string]*credentials
}

// Load reads AWS's configuration. It makes no call.
func Load(ctx context.Context, c Config) (*API, error) {
	base, err := c.Base(ctx, c, aws.Config{
		HTTPClient: transport(c.MaxConnections),
		Retryer:    newRetryer,
		Logger:     logging.Nop{},
		AppID:      "larder-" + agent.Version,
	})
	if err != nil {
		return nil, &agent.Error{Kind: agent.Invalid, Status: 400, Code: "InvalidConfiguration", Message: "AWS configuration: " + err.Error()}
	}
	if base.Region == "" {
		return nil, &agent.Error{Kind: agent.Invalid, Status: 400, Code: "MissingRegion", Message: "no AWS region is configured", Hint: "set AWS_REGION"}
	}
	base.ClientLogMode = 0 // whatever the configuration says: bodies hold values
	client := limit(base.HTTPClient, c.AllowPlainHTTP)
	base.HTTPClient = client
	own := newCredentials(base.Credentials, fromAnywhere)
	if c.Lambda {
		own.place = fromLambda
	}
	base.Credentials = own
	logOverrides(c)
	return &API{config: c, base: base, client: client, own: own, roles: map[string]*credentials{}}, nil
}

// Close closes the connections that no call uses.
func (a *API) Close() error {
	a.client.CloseIdleConnections()
	return nil
}

// Identity returns the access key of the credentials that the agent itself was
// last given; empty before its first call. It tells nobody how to sign.
func (a *API) Identity() string { return a.own.latest().AccessKeyID }

// Region returns the region of names that say none.
func (a *API) Region() string { return a.base.Region }

// For returns the configuration for a region and a role; empty means the
// configured region, and the credentials of the agent itself.
func (a *API) For(region, role string) aws.Config {
	c := a.base.Copy()
	if region != "" {
		c.Region = region
	}
	if role != "" {
		c.Credentials = a.assume(role)
	}
	return c
}

// AllowsRole reports whether role may be assumed at all.
func (a *API) AllowsRole(role string) bool { return slices.Contains(a.config.Roles, role) }

// assume returns one provider for a role, so that it is assumed once.
func (a *API) assume(role string) *credentials {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := a.roles[role]
	if found == nil {
		found = newCredentials(aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(a.base), role,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "larder" })), fromRole)
		a.roles[role] = found
	}
	return found
}

func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.Backoff = retry.BackoffDelayerFunc(backoff)
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(retryable)}, o.Retryables...)
	})
}

// backoff is how long to wait after an attempt, the first of which is number 1.
func backoff(attempt int, err error) (time.Duration, error) {
	limit := pause
	if Throttled(err) {
		limit = throttledPause
	}
	return agent.Jitter(limit << min(max(attempt, 1)-1, 4)), nil
}

// retryable decides where the SDK's own rules do not fit: an answer that ends too
// early, which they take for one that cannot be parsed, throttling by KMS, and
// certificates, which another attempt does not change.
func retryable(err error) aws.Ternary {
	switch e := Error(err, "", ""); {
	case e.Code == certificateInvalid, errors.Is(err, errBodyTooLong):
		return aws.FalseTernary
	case e.Kind == agent.Throttled, errors.Is(err, io.ErrUnexpectedEOF):
		return aws.TrueTernary
	default:
		return aws.UnknownTernary
	}
}

// logOverrides says which endpoints stand in for AWS's, without user names and
// passwords.
func logOverrides(c Config) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"} {
		u, err := url.Parse(c.Getenv(name))
		if err != nil || u.Host == "" {
			continue
		}
		c.Log.Info("an endpoint replaces AWS's own", "variable", name, "scheme", u.Scheme, "host", u.Host)
	}
}
