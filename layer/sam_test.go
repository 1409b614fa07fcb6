//go:build integration

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// sam is SAM's command line.
type sam struct {
	path string
	env  []string
}

func newSAM(t *testing.T) sam {
	t.Helper()
	path := os.Getenv("LARDER_SAM")
	if path == "" {
		t.Fatal("LARDER_SAM is not set: it must be the path of sam (pip install aws-sam-cli); make integration installs it and sets it")
	}
	return sam{path, append(os.Environ(), "__SAM_CLI_APP_DIR="+t.TempDir(), "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION=us-east-1")}
}

func (s sam) run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.path, args...)
	cmd.Dir, cmd.Env = "..", s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sam %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestSAM builds template.yaml as its reader does, and runs what comes of it as
// sam local would, whose container needs a Docker engine: with the secrets file
// in the function's folder and no token.
func TestSAM(t *testing.T) {
	s := newSAM(t)
	s.run(t, "validate", "--lint")
	built := filepath.Join(t.TempDir(), "build")
	architecture, layer := "x86_64", "LarderIntel"
	if runtime.GOARCH == "arm64" {
		architecture, layer = "arm64", "LarderArm64"
	}
	s.run(t, "build", "--build-dir", built, "--parameter-overrides", "Architecture="+architecture)
	for _, name := range []string{"LarderArm64", "LarderIntel"} {
		files, err := filepath.Glob(filepath.Join(built, name, "*", "*"))
		if err != nil || len(files) != 1 || files[0] != filepath.Join(built, name, "extensions", "larder") {
			t.Errorf("%s holds %v (%v), want the extension alone", name, files, err)
		}
	}

	folder := filepath.Join(built, "Signer")
	secrets, err := os.ReadFile(filepath.Join("..", "example", "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "secrets.json"), secrets, 0o600); err != nil {
		t.Fatal(err)
	}
	env := s.variables(t, filepath.Join(built, "template.yaml"), map[string]string{"Backend": "file"})
	env["LARDER_FILE"] = strings.Replace(env["LARDER_FILE"], "/var/task", folder, 1)
	env["AWS_SAM_LOCAL"], env["AWS_SESSION_TOKEN"] = "true", ""
	env["LARDER_PORT"] = agenttest.Port(t)
	lambda, err := lambdatest.New(lambdatest.Config{
		Function:   []string{filepath.Join(folder, "bootstrap")},
		Extensions: []string{filepath.Join(built, layer, "extensions", "larder")},
		Dir:        folder,
		Env:        env,
		Timeout:    10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lambda.Close()
	response, err := lambda.Invoke(t.Context(), []byte(`{"message": "hello"}`))
	if err != nil {
		t.Fatal(err)
	}
	// printf hello | openssl dgst -sha256 -hmac 'a key for the example alone'
	const signature = "2831b5df3dc6379453bdb34bc2e6bda13f3d462e21b46d30d8d8444102c45e0c"
	if text := string(response.Payload); !strings.Contains(text, signature) || !strings.Contains(text, "signing key read") {
		t.Errorf("the function answers %s\n%s", text, lambda.Output("larder"))
	}
}

// variables returns the function's, as the built template has them with the
// parameters given.
func (s sam) variables(t *testing.T, template string, given map[string]string) map[string]string {
	t.Helper()
	const script = `import json, sys; from samcli.yamlhelper import yaml_parse; print(json.dumps(yaml_parse(open(sys.argv[1]).read())))`
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(s.path), "python"), "-c", script, template)
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading the built template: %v", err)
	}
	var parsed struct {
		Parameters map[string]struct{ Default string }
		Resources  struct {
			Signer struct {
				Properties struct {
					Environment struct{ Variables map[string]any }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for name, value := range parsed.Resources.Signer.Properties.Environment.Variables {
		switch value := value.(type) {
		case string:
			variables[name] = value
		case map[string]any:
			parameter, _ := value["Ref"].(string)
			variables[name] = parsed.Parameters[parameter].Default
			if over, ok := given[parameter]; ok {
				variables[name] = over
			}
		}
	}
	if variables["LARDER_SECRETS"] == "" || variables["LARDER_BACKEND"] != "file" {
		t.Fatalf("the function's variables: %v", variables)
	}
	return variables
}
