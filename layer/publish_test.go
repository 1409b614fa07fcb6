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
// attaches one as the README says to who has the zip alone.
func TestPublish(t *testing.T) {
	cli := newAWSCLI(t)
	t.Run("make publish", func(t *testing.T) { cli.published(t) })
	t.Run("with the zip alone", func(t *testing.T) { cli.attached(t) })
}

// awsCLI is the AWS CLI with an AWS of its own.
type awsCLI struct {
	path string
	env  []string
}

func newAWSCLI(t *testing.T) awsCLI {
	t.Helper()
	path := os.Getenv("LARDER_AWS")
	if path == "" {
		t.Fatal("LARDER_AWS is not set: it must be the path of the aws CLI; make integration installs it and sets it")
	}
	return awsCLI{path, append(os.Environ(),
		"PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+agenttest.Moto(t), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")}
}

// shell runs a script in dir and returns what it prints.
func (a awsCLI) shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = dir, a.env, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// published compares what AWS holds with the zips: moto hands no layer out, and
// tells its hash.
func (a awsCLI) published(t *testing.T) {
	lines := strings.Fields(a.shell(t, "..", "make --silent publish LAYER_NAME=larder-test"))
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
		got := a.shell(t, ".", "aws lambda get-layer-version --layer-name larder-test-"+arch.aws+" --version-number 1 --query '[Content.CodeSha256, Content.CodeSize, CompatibleArchitectures[0]]' --output text")
		if got != want {
			t.Errorf("the layer is %q, want %q", got, want)
		}
	}
}

func (a awsCLI) attached(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "### With the zip alone\n")
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, ok := strings.Cut(block, "```")
	if !ok {
		t.Fatal("the README has no such commands")
	}
	dist := filepath.Join("..", "dist")
	a.shell(t, dist, `
		aws secretsmanager create-secret --name my-api-key --secret-string abc123
		role=$(aws iam create-role --role-name my-role --query Role.Arn --output text --assume-role-policy-document '{"Version": "2012-10-17",
			"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}')
		aws lambda create-function --function-name my-function --runtime provided.al2023 --handler bootstrap --architectures arm64 \
			--role "$role" --zip-file fileb://larder-layer-arm64.zip`)
	a.shell(t, dist, block)
	got := a.shell(t, dist, `
		aws lambda get-function-configuration --function-name my-function --query '[Layers[0].Arn, Environment.Variables.LARDER_SECRETS]' --output text
		aws iam get-role-policy --role-name my-role --policy-name larder --query 'PolicyDocument.Statement[0].Resource' --output text
		aws secretsmanager describe-secret --secret-id my-api-key --query ARN --output text`)
	lines := strings.Split(got, "\n")
	if len(lines) != 3 || lines[0] != "arn:aws:lambda:eu-west-1:123456789012:layer:larder-arm64:1\tmy-api-key" || lines[1] != lines[2] {
		t.Errorf("the function and the role have come to:\n%s", got)
	}
}
