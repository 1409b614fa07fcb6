package config_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/config"
)

var (
	lambda  = config.Place{Lambda: true, Schemes: []string{"aws", "file"}}
	sidecar = config.Place{Schemes: []string{"aws", "file"}}
)

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestDefaults(t *testing.T) {
	want := config.Config{
		Backend: "file", File: "~/.wing/secrets.json", Port: 2773, PathPrefix: "/v1/", Clients: 128, MaxConnections: 16, ListedOnly: true,
		Cache: true, TTL: 5 * time.Minute, ParameterTTL: 5 * time.Minute, MaxStale: time.Hour, CacheSize: 1000, CacheBytes: 32 << 20,
		InitTimeout: 2 * time.Second, RefreshTimeout: time.Second, RefreshWait: 250 * time.Millisecond, Batch: config.BatchAuto,
	}
	got, err := config.Load(environment(nil), sidecar)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("outside Lambda:\n got %+v, %v\nwant %+v", *got, err, want)
	}
	want.Backend, want.ListedOnly, want.CacheBytes = "aws", false, 512<<20/10
	got, err = config.Load(environment(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}), lambda)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("in Lambda:\n got %+v, %v\nwant %+v", *got, err, want)
	}
}

// row is one value of one variable and what it does to the configuration.
type row struct {
	variable, text string
	want           any
}

func TestValues(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:role/path/r"
	fields := map[string]func(c *config.Config) any{
		"LARDER_SECRETS": func(c *config.Config) any { return secrets(c) }, "LARDER_BACKEND": func(c *config.Config) any { return c.Backend },
		"LARDER_FILE": func(c *config.Config) any { return c.File }, "LARDER_PORT": func(c *config.Config) any { return c.Port },
		"LARDER_TTL": func(c *config.Config) any { return c.TTL }, "LARDER_MAX_STALE": func(c *config.Config) any { return c.MaxStale },
		"LARDER_INIT_TIMEOUT": func(c *config.Config) any { return c.InitTimeout }, "LARDER_REFRESH_TIMEOUT": func(c *config.Config) any { return c.RefreshTimeout },
		"LARDER_REFRESH_WAIT": func(c *config.Config) any { return c.RefreshWait }, "LARDER_BATCH": func(c *config.Config) any { return c.Batch.Above() },
		"LARDER_ON_INIT_FAILURE": func(c *config.Config) any { return c.FailAtInit }, "LARDER_ALLOW": func(c *config.Config) any { return c.ListedOnly },
		"LARDER_SNAPSTART_PREFETCH": func(c *config.Config) any { return c.SnapStartPrefetch }, "AWS_LAMBDA_INITIALIZATION_TYPE": func(c *config.Config) any { return c.SnapStart },
		"LARDER_ROLES": func(c *config.Config) any { return strings.Join(c.Roles, " ") }, "LARDER_CACHE_SIZE": func(c *config.Config) any { return c.CacheSize },
		"LARDER_CACHE_BYTES": func(c *config.Config) any { return c.CacheBytes }, "LARDER_INSECURE_ENDPOINT": func(c *config.Config) any { return c.AllowPlainHTTP },
		"LARDER_LOG_LEVEL": func(c *config.Config) any { return fmt.Sprint(c.Log.Level, c.Log.Off) }, "AWS_LAMBDA_LOG_LEVEL": func(c *config.Config) any { return fmt.Sprint(c.Log.Level, c.Log.Off) },
		"PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": func(c *config.Config) any { return fmt.Sprint(c.Log.Level, c.Log.Off) }, "AWS_LAMBDA_LOG_FORMAT": func(c *config.Config) any { return c.Log.JSON },
		"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": func(c *config.Config) any { return c.Cache }, "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": func(c *config.Config) any { return c.CacheSize },
		"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": func(c *config.Config) any { return c.Port }, "PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS": func(c *config.Config) any { return c.MaxConnections },
		"SECRETS_MANAGER_TTL": func(c *config.Config) any { return c.TTL }, "SECRETS_MANAGER_TIMEOUT_MILLIS": func(c *config.Config) any { return c.Timeout },
		"SSM_PARAMETER_STORE_TTL": func(c *config.Config) any { return c.ParameterTTL }, "SSM_PARAMETER_STORE_TIMEOUT_MILLIS": func(c *config.Config) any { return c.ParameterTimeout },
		"LARDER_PATH_PREFIX": func(c *config.Config) any { return c.PathPrefix }, "LARDER_CLIENTS": func(c *config.Config) any { return c.Clients },
	}
	duration := func(variable string, most time.Duration) []row {
		return []row{
			{variable, "0", time.Duration(0)},
			{variable, "1ns", time.Nanosecond},
			{variable, " 2s ", 2 * time.Second},
			{variable, most.String(), most},
			{variable, fmt.Sprint(int(most.Seconds())), most},
			{variable, (most + time.Nanosecond).String(), nil},
			{variable, fmt.Sprint(int(most.Seconds()) + 1), nil},
			{variable, "-1", nil},
			{variable, "-1ns", nil},
			{variable, "x", nil},
			{variable, "1.5", nil},
			{variable, "99999999999999999999", nil},
			{variable, "9999999999999", nil},
			{variable, "18446744074", nil}, // 2⁶⁴ ns and a little
		}
	}
	rows := []row{
		{"LARDER_SECRETS", "a,aws:b#k? \n file:c ", "aws:a##false aws:b#k#true file:c##false"},
		{"LARDER_SECRETS", ",, ,", ""},
		{"LARDER_SECRETS", "a a", nil},
		{"LARDER_SECRETS", "gcp:a", nil},
		{"LARDER_SECRETS", "a??", nil},
		{"LARDER_SECRETS", "arn:aws:ssm:r:1:parameter/x", nil},
		{"LARDER_BACKEND", "file", "file"},
		{"LARDER_BACKEND", "aws", "aws"},
		{"LARDER_BACKEND", "AWS", nil},
		{"LARDER_BACKEND", "gcp", nil},
		{"LARDER_FILE", "/x y/z.json", "/x y/z.json"},
		{"LARDER_PORT", "1", 1},
		{"LARDER_PORT", "65535", 65535},
		{"LARDER_PORT", "0", nil},
		{"LARDER_PORT", "65536", nil},
		{"LARDER_PORT", "-1", nil},
		{"LARDER_PORT", "http", nil},
		{"LARDER_PORT", "80.0", nil},
		{"LARDER_BATCH", "auto", 10},
		{"LARDER_BATCH", "on", 1},
		{"LARDER_BATCH", "off", -1},
		{"LARDER_BATCH", "true", nil},
		{"LARDER_ON_INIT_FAILURE", "serve", false},
		{"LARDER_ON_INIT_FAILURE", "fail", true},
		{"LARDER_ON_INIT_FAILURE", "exit", nil},
		{"LARDER_ALLOW", "any", false},
		{"LARDER_ALLOW", "listed", true},
		{"LARDER_ALLOW", "none", nil},
		{"LARDER_ROLES", arn + ", arn:aws-cn:iam::1:role/x", arn + " arn:aws-cn:iam::1:role/x"},
		{"LARDER_ROLES", "r", nil},
		{"LARDER_ROLES", "arn:aws:iam::1:role/", nil},
		{"LARDER_ROLES", "arn:aws:iam::1:role/path/", nil},
		{"LARDER_ROLES", "arn:aws:iam::1:user/u", nil},
		{"LARDER_ROLES", "arn:aws:sts::1:role/u", nil},
		{"LARDER_CACHE_SIZE", "0", 0},
		{"LARDER_CACHE_SIZE", "100000", 100000},
		{"LARDER_CACHE_SIZE", "100001", nil},
		{"LARDER_CACHE_SIZE", "-1", nil},
		{"LARDER_CACHE_BYTES", "65536", int64(65536)},
		{"LARDER_CACHE_BYTES", "1099511627776", int64(1) << 40},
		{"LARDER_CACHE_BYTES", "65535", nil},
		{"LARDER_CACHE_BYTES", "0", nil},
		{"LARDER_CACHE_BYTES", "32MB", nil},
		{"LARDER_SNAPSTART_PREFETCH", "true", true},
		{"LARDER_SNAPSTART_PREFETCH", "perhaps", nil},
		{"AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start", true},
		{"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand", false},
		{"LARDER_INSECURE_ENDPOINT", "true", true},
		{"LARDER_INSECURE_ENDPOINT", "FALSE", false},
		{"LARDER_INSECURE_ENDPOINT", "1", true},
		{"LARDER_INSECURE_ENDPOINT", "yes", nil},
		{"AWS_LAMBDA_LOG_FORMAT", "JSON", true},
		{"AWS_LAMBDA_LOG_FORMAT", "json", true},
		{"AWS_LAMBDA_LOG_FORMAT", "Text", false},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "True", true},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "FALSE", false},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED", "on", nil},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", "0", 0},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", "1000", 1000},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", "1001", nil},
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE", "-1", nil},
		{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "1", 1},
		{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "65535", 65535},
		{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "0", nil},
		{"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "65536", nil},
		{"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", "1", 1},
		{"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", "65536", 65536},
		{"PARAMETERS_SECRETS_EXTENSION_MAX_CONNECTIONS", "0", nil},
		{"SECRETS_MANAGER_TTL", "0", time.Duration(0)},
		{"SECRETS_MANAGER_TTL", "300", 300 * time.Second},
		{"SECRETS_MANAGER_TTL", "301", 300 * time.Second},
		{"SECRETS_MANAGER_TTL", "86400", 300 * time.Second},
		{"SECRETS_MANAGER_TTL", "-1", nil},
		{"SECRETS_MANAGER_TTL", "5m", nil},
		{"SECRETS_MANAGER_TIMEOUT_MILLIS", "0", time.Duration(0)},
		{"SECRETS_MANAGER_TIMEOUT_MILLIS", "1500", 1500 * time.Millisecond},
		{"SECRETS_MANAGER_TIMEOUT_MILLIS", "-1", nil},
		{"SECRETS_MANAGER_TIMEOUT_MILLIS", "1s", nil},
		{"SSM_PARAMETER_STORE_TTL", "60", time.Minute},
		{"SSM_PARAMETER_STORE_TTL", "x", nil},
		{"SSM_PARAMETER_STORE_TIMEOUT_MILLIS", "1500", 1500 * time.Millisecond},
		{"SSM_PARAMETER_STORE_TIMEOUT_MILLIS", "-1", nil},
		{"LARDER_PATH_PREFIX", "/secrets/by-name/", "/secrets/by-name/"},
		{"LARDER_PATH_PREFIX", "v1/", nil},
		{"LARDER_PATH_PREFIX", "/v1", nil},
		{"LARDER_PATH_PREFIX", "/", nil},
		{"LARDER_PATH_PREFIX", "/v1/?/", nil},
		{"LARDER_PATH_PREFIX", "/secretsmanager/", nil},
		{"LARDER_PATH_PREFIX", "/systemsmanager/parameters/", nil},
		{"LARDER_ROLES", strings.Repeat(arn+" ", 20), strings.TrimSpace(strings.Repeat(arn+" ", 20))},
		{"LARDER_ROLES", strings.Repeat(arn+" ", 21), nil},
		{"LARDER_CLIENTS", "1000", 1000},
		{"LARDER_CLIENTS", "0", nil},
	}
	for _, variable := range []string{"LARDER_LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL", "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL"} {
		rows = append(rows, row{variable, "debug", "DEBUG false"}, row{variable, "TRACE", "DEBUG false"}, row{variable, "Info", "INFO false"}, row{variable, "WARN", "WARN false"},
			row{variable, "error", "ERROR false"}, row{variable, "FATAL", "ERROR false"}, row{variable, "none", "INFO true"}, row{variable, "loud", nil})
	}
	for variable, most := range map[string]time.Duration{"LARDER_TTL": 24 * time.Hour, "LARDER_MAX_STALE": 168 * time.Hour, "LARDER_INIT_TIMEOUT": 15 * time.Minute, "LARDER_REFRESH_TIMEOUT": time.Minute, "LARDER_REFRESH_WAIT": time.Minute} {
		rows = append(rows, duration(variable, most)...)
	}
	tested := map[string]bool{}
	for _, row := range rows {
		tested[row.variable] = true
		t.Run(row.variable+"="+row.text, func(t *testing.T) {
			c, err := config.Load(environment(map[string]string{row.variable: row.text}), lambda)
			if row.want == nil {
				wantMistake(t, err, row.variable)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fields[row.variable](c); got != row.want {
				t.Errorf("got %v (%T), want %v (%T)", got, got, row.want, row.want)
			}
		})
	}
	for _, v := range config.Variables() {
		if !tested[v.Name] || fields[v.Name] == nil || v.Help == "" || v.Range == "" {
			t.Errorf("%s is not tested or not explained", v.Name)
		}
		delete(fields, v.Name)
	}
	for name := range fields {
		t.Errorf("%s is not in the table", name)
	}
}

// TestClampedIsWarnedOf: AWS's extension takes more than 300 s for 300 s.
func TestClampedIsWarnedOf(t *testing.T) {
	c, err := config.Load(environment(map[string]string{"SECRETS_MANAGER_TTL": "600", "SSM_PARAMETER_STORE_TTL": "301", "PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "1000"}), lambda)
	if err != nil || len(c.Warnings) != 2 || !strings.Contains(c.Warnings[0], "SECRETS_MANAGER_TTL: 600 counts as 300: set LARDER_TTL") {
		t.Errorf("%q, %v", c.Warnings, err)
	}
	c, err = config.Load(environment(map[string]string{"SECRETS_MANAGER_TTL": "60", "SSM_PARAMETER_STORE_TTL": "30", "LARDER_TTL": "10m"}), lambda)
	if err != nil || c.Warnings != nil || c.TTL != 10*time.Minute || c.ParameterTTL != 10*time.Minute {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestParameterStoreComesWithSecretsManager: AWS's extension serves both.
func TestParameterStoreComesWithSecretsManager(t *testing.T) {
	source := func(*config.Config, *slog.Logger) agent.Source {
		return agent.Source{Open: func(context.Context) (agent.Backend, error) { return nil, nil }}
	}
	backends := config.Backends{"aws": source, "ssm": source, "file": source}
	for backend, want := range map[string]string{"aws": "aws ssm", "file": "file", "ssm": "ssm"} {
		got := slices.Sorted(maps.Keys(backends.Sources(&config.Config{Backend: backend}, nil)))
		if strings.Join(got, " ") != want {
			t.Errorf("with %s: %v, want %s", backend, got, want)
		}
	}
}

// secrets writes the configured secrets with all that is said of them.
func secrets(c *config.Config) string {
	var all []string
	for _, s := range c.Secrets {
		all = append(all, fmt.Sprintf("%s#%s#%v", s.Reference, s.Key, s.Optional))
	}
	return strings.Join(all, " ")
}

// wantMistake fails the test unless err is one mistake in variable, with a hint
// or a reason.
func wantMistake(t *testing.T, err error, variable string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	all := config.Mistakes(err)
	var e *config.Error
	if len(all) != 1 || !errors.As(all[0], &e) || e.Variable != variable || !strings.HasPrefix(all[0].Error(), variable+": ") || strings.Contains(all[0].Error(), "\n") {
		t.Errorf("mistakes: %q", all)
	}
}
