package agentfile_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent/agentfile"
)

const flat = `
log_level = "WARN"
log_to_file = false
http_port = 2774
region = "eu-west-1"
ttl_seconds = "60"
cache_size = 100
ssrf_headers = ["X-Vault-Token"]
ssrf_env_variables = ["AWS_TOKEN"]
path_prefix = "/secrets/"
max_conn = 50
max_roles = 5
ignore_transient_errors = false
`

const nested = `
[logging]
log_level = "INFO"

[capabilities.secrets_manager]
enabled = true
http_port = 2775
ignore_transient_errors = true
[capabilities.secrets_manager.cache]
ttl_seconds = 300
[capabilities.secrets_manager.security]
ssrf_headers = ["X-Custom"]
[capabilities.secrets_manager.prefetch]
max_jitter_seconds = 5
secrets = [
  { secret_id = "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-AbCdEf" },
  { secret_id = "other", role_arn = "arn:aws:iam::987654321098:role/Reader" },
]
[[capabilities.secrets_manager.prefetch.filter_tags]]
key = "Environment"
[capabilities.acm]
enabled = false
`

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text      string
		variables map[string]string
		ignored   []string
	}{
		"empty": {"", nil, nil},
		"flat": {flat, map[string]string{
			"LARDER_LOG_LEVEL": "WARN", "LARDER_PORT": "2774", "AWS_REGION": "eu-west-1", "LARDER_TTL": "60", "LARDER_CACHE_SIZE": "100",
			"LARDER_PATH_PREFIX": "/secrets/", "LARDER_CLIENTS": "50", "LARDER_MAX_STALE": "0",
		}, []string{"log_to_file", "max_roles"}},
		"nested": {nested, map[string]string{
			"LARDER_LOG_LEVEL": "INFO", "LARDER_PORT": "2775", "LARDER_TTL": "300",
			"LARDER_SECRETS": "arn:aws:secretsmanager:us-west-2:123456789012:secret:MySecret-AbCdEf,aws:other?roleArn=arn%3Aaws%3Aiam%3A%3A987654321098%3Arole%2FReader",
		}, []string{
			"capabilities.acm.enabled", "capabilities.secrets_manager.prefetch.filter_tags",
			"capabilities.secrets_manager.prefetch.max_jitter_seconds", "capabilities.secrets_manager.security.ssrf_headers",
		}},
		"one table for each secret": {
			"[[capabilities.secrets_manager.prefetch.secrets]]\nsecret_id = \"db\"\n",
			map[string]string{"LARDER_SECRETS": "aws:db"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := agentfile.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"LARDER_BACKEND": "aws", "LARDER_ALLOW": "any"}
			maps.Copy(want, test.variables)
			if !maps.Equal(f.Variables, want) || !slices.Equal(f.Ignored, test.ignored) {
				t.Errorf("%v and %q,\nwant %v and %q", f.Variables, f.Ignored, want, test.ignored)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for text, says := range map[string]string{
		"http_prot = 1":   "http_prot",
		"http_port = 1.5": "http_port",
		"http_port = ":    "line 1",
		"[capabilities.secrets_manager]\nhttpport = 1":                                   "capabilities.secrets_manager.httpport",
		"[capabilities.secrets_manager.prefetch]\nsecrets = [1]":                         "prefetch.secrets",
		"[capabilities.secrets_manager.prefetch]\nsecrets = [{ role_arn = \"x\" }]":      "secret_id",
		"[capabilities.secrets_manager.prefetch]\nsecrets = [{ secret_id = \"a, b\" }]":  "secret_id",
		"[capabilities.secrets_manager.prefetch]\nsecrets = [{ secret_id = \"a?x=y\" }]": "secret_id",
	} {
		if f, err := agentfile.Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %+v, %v; want an error with %q", text, f, err, says)
		}
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if _, _, err := agentfile.Read(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("x = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := agentfile.Read(path); err == nil || !strings.Contains(err.Error(), path+": x: ") {
		t.Errorf("a mistake: %v", err)
	}
}

// FuzzParse: whatever the file holds, there is an error or variables that could
// be set.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", flat, nested, "http_port = 1", "a.b.c = []", "[[x]]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := agentfile.Parse(text)
		if err != nil {
			return
		}
		for name := range parsed.Variables {
			if !strings.HasPrefix(name, "LARDER_") && !strings.HasPrefix(name, "AWS_") {
				t.Errorf("the variable %q", name)
			}
		}
	})
}
