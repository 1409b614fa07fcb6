package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// Variable is one row of the table.
type Variable struct {
	Name          string
	Default       string
	LambdaDefault string // where it differs in Lambda
	Range         string
	Help          string
	set           func(c *Config, text string, p Place) error
}

// Variables returns the table, in the order of reading: AWS's own names come
// before the LARDER_ names that override them, and what others build on first.
// The defaults of AWS's rows stand with Larder's.
func Variables() []Variable {
	return slices.Concat(awsVariables(), larderVariables())
}

func larderVariables() []Variable {
	return []Variable{
		{
			Name: "LARDER_BACKEND", Default: "file", LambdaDefault: "aws", Range: "aws, file, ssm",
			Help: "where secrets live whose reference names no scheme",
			set: func(c *Config, text string, p Place) error {
				c.Backend = text
				err := oneOf(text, p.Schemes)
				if err != nil {
					c.Backend = p.Schemes[0] // so that the references are not blamed as well
				}
				return err
			},
		},
		{
			Name: "LARDER_SECRETS", Range: "references, separated by commas or white space",
			Help: "secrets to prefetch and keep",
			set:  setSecrets,
		},
		{
			Name: "LARDER_FILE", Default: "~/.wing/secrets.json", Range: "a path",
			Help: "the JSON file of the file backend",
			set:  func(c *Config, text string, _ Place) error { c.File = text; return nil },
		},
		{
			Name: "LARDER_PORT", Range: "1–65535",
			Help: "the port on localhost; 2773 unless AWS's variable says otherwise",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.Port, text, 1, 65535) },
		},
		{
			Name: "LARDER_PATH_PREFIX", Default: "/v1/", Range: "a path between slashes",
			Help: "where a request may name the secret in its path, as AWS's open-source agent has it",
			set:  setPathPrefix,
		},
		{
			Name: "LARDER_CLIENTS", Default: "128", Range: "1–1000",
			Help: "connections that may be open at once; more are answered with 429",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.Clients, text, 1, 1000) },
		},
		{
			Name: "LARDER_TTL", Range: "0–24h, seconds or a duration",
			Help: "how long a value is fresh; 0 asks the backend at every read; 300 s unless AWS's variable says otherwise",
			set: func(c *Config, text string, _ Place) error {
				err := setDuration(&c.TTL, text, 0, 24*time.Hour)
				c.ParameterTTL = c.TTL
				return err
			},
		},
		{
			Name: "LARDER_MAX_STALE", Default: "1h", Range: "0–168h",
			Help: "how long past its TTL a value may stand in while the backend is down",
			set:  func(c *Config, text string, _ Place) error { return setDuration(&c.MaxStale, text, 0, 168*time.Hour) },
		},
		{
			Name: "LARDER_INIT_TIMEOUT", Default: "2s", Range: "0–15m",
			Help: "how long prefetch may hold up the end of INIT",
			set: func(c *Config, text string, _ Place) error {
				return setDuration(&c.InitTimeout, text, 0, 15*time.Minute)
			},
		},
		{
			Name: "LARDER_SNAPSTART_PREFETCH", Default: "false", Range: "true, false",
			Help: "with SnapStart, prefetch before the snapshot, which then holds the values",
			set:  func(c *Config, text string, _ Place) error { return setBool(&c.SnapStartPrefetch, text) },
		},
		{
			Name: "LARDER_REFRESH_TIMEOUT", Default: "1s", Range: "0–1m",
			Help: "how long a refresh may hold up the end of an invocation",
			set: func(c *Config, text string, _ Place) error {
				return setDuration(&c.RefreshTimeout, text, 0, time.Minute)
			},
		},
		{
			Name: "LARDER_REFRESH_WAIT", Default: "250ms", Range: "0–1m",
			Help: "how long a read waits for a refresh while a value is held",
			set:  func(c *Config, text string, _ Place) error { return setDuration(&c.RefreshWait, text, 0, time.Minute) },
		},
		{
			Name: "LARDER_BATCH", Default: "auto", Range: "auto, on, off",
			Help: "use BatchGetSecretValue: for more than ten secrets, or fewer while single calls are throttled; always; or never",
			set: func(c *Config, text string, _ Place) error {
				c.Batch = Batch(text)
				return oneOf(text, []string{string(BatchAuto), string(BatchOn), string(BatchOff)})
			},
		},
		{
			Name: "LARDER_ON_INIT_FAILURE", Default: "serve", Range: "serve, fail",
			Help: "what a secret that cannot be prefetched does to the function: serve starts it, and reading the secret says why",
			set: func(c *Config, text string, _ Place) error {
				c.FailAtInit = text == "fail"
				return oneOf(text, []string{"serve", "fail"})
			},
		},
		{
			Name: "LARDER_ALLOW", Default: "listed", LambdaDefault: "any", Range: "any, listed",
			Help: "which secrets may be read: any, or those in LARDER_SECRETS (and all in the secrets file)",
			set: func(c *Config, text string, _ Place) error {
				c.ListedOnly = text == "listed"
				return oneOf(text, []string{"any", "listed"})
			},
		},
		{
			Name: "LARDER_ROLES", Range: "role ARNs, separated by commas or white space",
			Help: "roles that a request's roleArn may name, besides those in LARDER_SECRETS",
			set:  setRoles,
		},
		{
			Name: "LARDER_CACHE_SIZE", Range: "0–100000",
			Help: "secrets held at most; 0 holds none; 1000 unless AWS's variable says otherwise",
			set:  func(c *Config, text string, _ Place) error { return setInt(&c.CacheSize, text, 0, 100_000) },
		},
		{
			Name: "LARDER_CACHE_BYTES", Range: "65536 or more",
			Help: "bytes of values held at most; a tenth of the function's memory, 32 MiB outside Lambda. What is prepared for readers can take twice as much again",
			set: func(c *Config, text string, _ Place) error {
				var n int
				err := setInt(&n, text, leastBytes, mostBytes)
				c.CacheBytes = int64(n)
				return err
			},
		},
		{
			Name: "LARDER_INSECURE_ENDPOINT", Default: "false", Range: "true, false",
			Help: "accept http:// endpoints of backends beyond this machine",
			set:  func(c *Config, text string, _ Place) error { return setBool(&c.AllowPlainHTTP, text) },
		},
		{
			Name: "LARDER_LOG_LEVEL", Range: "debug, info, warn, error, none",
			Help: "the least severe message that is logged; AWS's variables count where it is not set",
			set:  setLogLevel,
		},
	}
}

// setSecrets reads LARDER_SECRETS; the variable with the default backend has
// been read before it.
func setSecrets(c *Config, text string, p Place) error {
	var mistakes mistakes
	seen := map[agent.Spec]bool{}
	for _, item := range list(text) {
		spec, err := agent.ParseSpec(item, c.Backend)
		if err == nil && !slices.Contains(p.Schemes, spec.Scheme) {
			err = fmt.Errorf("unknown scheme %q: this program knows %s", spec.Scheme, strings.Join(p.Schemes, ", "))
		}
		switch {
		case err != nil:
			mistakes.add(fmt.Sprintf("%q: %s", item, err), "")
		case spec.IsPattern() && spec.Key != "":
			mistakes.add(fmt.Sprintf("%q: a pattern stands for several secrets and has no #%s", item, spec.Key), "name one secret")
		case seen[spec]:
			mistakes.add(fmt.Sprintf("%q stands twice", item), "leave one of them out")
		default:
			c.Secrets = append(c.Secrets, spec)
			seen[spec] = true
		}
	}
	return mistakes.err()
}

func setPathPrefix(c *Config, text string, _ Place) error {
	c.PathPrefix = text
	if len(text) < 3 || text[0] != '/' || !strings.HasSuffix(text, "/") || strings.ContainsAny(text, "?#% ") {
		return &Error{Problem: fmt.Sprintf("%q is no path between slashes", text), Hint: "write it as /v1/"}
	}
	for _, taken := range []string{"/secretsmanager/", "/systemsmanager/"} {
		if strings.HasPrefix(taken, text) || strings.HasPrefix(text, taken) {
			return &Error{Problem: fmt.Sprintf("%q is where AWS's extension has its paths", text), Hint: "choose another, such as /v1/"}
		}
	}
	return nil
}

// maxRoles is what AWS's agent allows.
const maxRoles = 20

func setRoles(c *Config, text string, _ Place) error {
	var mistakes mistakes
	for _, arn := range list(text) {
		parts := strings.SplitN(arn, ":", 6)
		if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") || strings.HasSuffix(arn, "/") {
			mistakes.add(fmt.Sprintf("%q is not the ARN of a role", arn), "write arn:<partition>:iam::<account>:role/<name>")
			continue
		}
		c.Roles = append(c.Roles, arn)
	}
	if len(c.Roles) > maxRoles {
		mistakes.add(fmt.Sprintf("%d roles are listed", len(c.Roles)), fmt.Sprintf("list %d at most: each has a client of its own", maxRoles))
	}
	return mistakes.err()
}
