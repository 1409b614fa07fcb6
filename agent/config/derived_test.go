package config_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/config"
)

func TestLarderOverridesAWS(t *testing.T) {
	vars := map[string]string{
		"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "1111", "LARDER_PORT": "2222",
		"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "11", "LARDER_CACHE_SIZE": "22",
		"SECRETS_MANAGER_TTL": "11", "LARDER_TTL": "10m",
		"AWS_LAMBDA_LOG_LEVEL": "ERROR", "PARAMETERS_SECRETS_EXTENSION_LOG_LEVEL": "none", "LARDER_LOG_LEVEL": "debug",
	}
	c, err := config.Load(environment(vars), lambda)
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 2222 || c.CacheSize != 22 || c.TTL != 10*time.Minute || c.Log.Level != slog.LevelDebug || c.Log.Off {
		t.Errorf("%+v", c)
	}
	delete(vars, "LARDER_LOG_LEVEL")
	vars["LARDER_PORT"], vars["LARDER_TTL"] = "", " "
	c, err = config.Load(environment(vars), lambda)
	if err != nil || c.Port != 1111 || c.TTL != 11*time.Second || !c.Log.Off {
		t.Errorf("with Larder's own empty: %+v, %v", c, err)
	}
}

func TestCacheOff(t *testing.T) {
	for _, vars := range []map[string]string{
		{"PARAMETERS_SECRETS_EXTENSION_CACHE_ENABLED": "false"}, {"PARAMETERS_SECRETS_EXTENSION_CACHE_SIZE": "0"}, {"LARDER_CACHE_SIZE": "0", "LARDER_TTL": "5m"},
	} {
		vars["LARDER_SECRETS"] = "a b c"
		c, err := config.Load(environment(vars), lambda)
		if err != nil || c.Cache || c.TTL != 0 || c.MaxStale != 0 {
			t.Errorf("%v: %+v, %v", vars, c, err)
		}
	}
}

func TestSecretsMustFit(t *testing.T) {
	vars := map[string]string{"LARDER_SECRETS": "a b c", "LARDER_CACHE_SIZE": "3"}
	if _, err := config.Load(environment(vars), lambda); err != nil {
		t.Error(err)
	}
	vars["LARDER_CACHE_SIZE"] = "2"
	_, err := config.Load(environment(vars), lambda)
	wantMistake(t, err, "LARDER_SECRETS")
}

func TestMemory(t *testing.T) {
	for memory, want := range map[string]int64{"128": 128 << 20 / 10, "10240": 1 << 30, "": 32 << 20, "0": 32 << 20, "-1": 32 << 20, "much": 32 << 20, "9223372036854775807": 32 << 20, "99999999999999999999": 32 << 20} {
		c, err := config.Load(environment(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory}), lambda)
		if err != nil || c.CacheBytes != want {
			t.Errorf("%q MB: %d bytes, want %d (%v)", memory, c.CacheBytes, want, err)
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	_, err := config.Load(environment(map[string]string{
		"LARDER_SECRETS": "a?? gcp:b good b good", "LARDER_PORT": "x", "LARDER_TTL": "-1", "LARDER_BATCH": "?", "LARDER_ROLES": "r1,r2", "SECRETS_MANAGER_TTL": "y", "LARDER_BACKEND": "nope",
	}), lambda)
	lines := map[string]int{}
	for _, mistake := range config.Mistakes(err) {
		variable, rest, _ := strings.Cut(mistake.Error(), ": ")
		lines[variable]++
		if rest == "" || strings.Contains(rest, "\n") {
			t.Errorf("%q", mistake)
		}
	}
	want := map[string]int{"LARDER_SECRETS": 3, "LARDER_PORT": 1, "LARDER_TTL": 1, "LARDER_BATCH": 1, "LARDER_ROLES": 2, "SECRETS_MANAGER_TTL": 1, "LARDER_BACKEND": 1}
	for variable, n := range want {
		if lines[variable] != n {
			t.Errorf("%d mistakes in %s, want %d", lines[variable], variable, n)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("mistakes in %v", lines)
	}
}

func TestAllowedRoles(t *testing.T) {
	c, err := config.Load(environment(map[string]string{
		"LARDER_ROLES":   "arn:aws:iam::1:role/a",
		"LARDER_SECRETS": "x?roleArn=arn:aws:iam::2:role/b y z?versionStage=S",
	}), lambda)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.AllowedRoles(), " "); got != "arn:aws:iam::1:role/a arn:aws:iam::2:role/b" || len(c.Roles) != 1 {
		t.Errorf("AllowedRoles = %s", got)
	}
}

func TestSources(t *testing.T) {
	made := map[string]int{}
	source := func(scheme string) func(*config.Config, *slog.Logger) agent.Source {
		return func(*config.Config, *slog.Logger) agent.Source {
			made[scheme]++
			return agent.Source{Open: func(context.Context) (agent.Backend, error) { return nil, nil }}
		}
	}
	backends := config.Backends{"file": source("file"), "aws": source("aws"), "x": source("x")}
	if got := strings.Join(backends.Schemes(), " "); got != "aws file x" {
		t.Errorf("Schemes = %s", got)
	}
	c, err := config.Load(environment(map[string]string{"LARDER_SECRETS": "a file:b"}), lambda)
	if err != nil {
		t.Fatal(err)
	}
	sources := backends.Sources(c, nil)
	if len(sources) != 2 || made["x"] != 0 || made["aws"] != 1 || made["file"] != 1 {
		t.Errorf("sources %v, made %v: a backend that is not configured can be reached", sources, made)
	}
}
