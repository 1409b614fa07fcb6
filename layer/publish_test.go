//go:build integration

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestPublish publishes the zips to a local AWS as make publish does, and
// compares what it holds then: moto hands no layer out, and tells its hash.
func TestPublish(t *testing.T) {
	path := os.Getenv("LARDER_AWS")
	if path == "" {
		t.Fatal("LARDER_AWS is not set: it must be the path of the aws CLI; make integration installs it and sets it")
	}
	url := agenttest.Moto(t)
	env := append(os.Environ(),
		"PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+url, "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	output := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = "..", env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s%s", cmd, err, out, stderr.Bytes())
		}
		return string(out)
	}
	lines := strings.Fields(output("make", "--silent", "publish", "LAYER_NAME=larder-test"))
	for i, arch := range []struct{ zip, aws string }{{"amd64", "x86_64"}, {"arm64", "arm64"}} {
		arn := "arn:aws:lambda:eu-west-1:123456789012:layer:larder-test-" + arch.aws + ":1"
		if at := len(lines) - 2 + i; at < 0 || lines[at] != arn {
			t.Fatalf("make publish prints %q, want %s", lines, arn)
		}
		data, err := os.ReadFile(filepath.Join("..", "dist", "larder-layer-"+arch.zip+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		want := fmt.Sprintf("%s\t%d\t%s", base64.StdEncoding.EncodeToString(sum[:]), len(data), arch.aws)
		got := output(path, "lambda", "get-layer-version", "--layer-name", "larder-test-"+arch.aws, "--version-number", "1",
			"--query", "[Content.CodeSha256, Content.CodeSize, CompatibleArchitectures[0]]", "--output", "text")
		if strings.TrimSpace(got) != want {
			t.Errorf("the layer is %q, want %q", got, want)
		}
	}
}
