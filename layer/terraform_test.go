//go:build integration

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// initTime is how long terraform may look for the provider.
const initTime = 30 * time.Second

// TestTerraform applies example/terraform to moto. It needs terraform, and the
// AWS provider from wherever the caller's own configuration of terraform has it.
func TestTerraform(t *testing.T) {
	tf := newTerraform(t)
	t.Run("format", func(t *testing.T) {
		tf.expect(t, 0, "fmt", "-check", "-recursive", "-diff", filepath.Join("..", "example", "terraform"))
	})

	// The role's policy for logs is one of AWS's own, which moto holds if asked.
	t.Setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
	cloud := &cloud{agenttest.Moto(t)}
	tf.dir = example(t, cloud.url)
	tf.env = append(tf.env, pairs(agenttest.Environment(cloud.url))...)
	ctx, cancel := context.WithTimeout(t.Context(), initTime)
	defer cancel()
	if out, code := tf.run(ctx, t, "init"); code != 0 {
		t.Skipf("the AWS provider is not to be had here: terraform init, limited to %v, ended with %d:\n%s", initTime, code, out)
	}

	t.Run("refused", func(t *testing.T) { refused(t, tf) })
	t.Run("applied", func(t *testing.T) { applied(t, tf, cloud) })
}

// refused: each mistake in an argument of the module is an error of its own. One
// plan has them all, each in a module of its own.
func refused(t *testing.T, tf *terraform) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:my-api-key"
	tests := map[string]struct{ argument, value, want string }{
		"no_mistake":      {"layer_zip", `"layer.zip"`, ""},
		"no_zip":          {"layer_zip", `"none.zip"`, "There is no file none.zip"},
		"architecture":    {"architecture", `"amd64"`, `The architecture is "amd64"`},
		"name":            {"layer_name", `"my layer"`, `The layer's name is "my layer"`},
		"no_secret":       {"secret_arns", `[]`, "There is no secret"},
		"every_secret":    {"secret_arns", `["*"]`, "A secret's ARN is whole"},
		"pattern":         {"secret_arns", `["` + arn + `-??????"]`, "A secret's ARN is whole"},
		"without_its_end": {"secret_arns", `["` + arn + `-AbCdEf", "` + arn + `"]`, "A secret's ARN is whole"},
		"alias":           {"kms_key_arns", `["arn:aws:kms:eu-west-1:123456789012:alias/mine"]`, "A key's ARN is that of the key"},
		"setting":         {"settings", `{ AWS_REGION = "eu-west-1" }`, "A setting's name begins with LARDER_"},
	}
	var modules strings.Builder
	for name, test := range tests {
		arguments := map[string]string{"source": `"./modules/larder"`, "layer_zip": `"layer.zip"`, "secret_arns": `["` + arn + `-AbCdEf"]`}
		arguments[test.argument] = test.value
		fmt.Fprintf(&modules, "module %q {\n", name)
		for argument, value := range arguments {
			fmt.Fprintf(&modules, "  %s = %s\n", argument, value)
		}
		modules.WriteString("}\n")
	}
	file := filepath.Join(tf.dir, "refused.tf")
	put(t, file, []byte(modules.String()))
	tf.expect(t, 0, "init") // reads the modules, now that the provider is there
	blocks := strings.Split(tf.expect(t, 1, "plan"), "Error: ")[1:]
	for name, test := range tests {
		said := slices.DeleteFunc(slices.Clone(blocks), func(e string) bool { return !strings.Contains(e, fmt.Sprintf("in module %q", name)) })
		if test.want == "" && len(said) > 0 || test.want != "" && (len(said) != 1 || !strings.Contains(said[0], test.want)) {
			t.Errorf("module %q: the errors are %q, want one with %q", name, said, test.want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// applied follows the example from its first apply to its end.
func applied(t *testing.T, tf *terraform, cloud *cloud) {
	const function = "/2015-03-31/functions/larder-example/configuration"
	tf.expect(t, 0, "apply", "-auto-approve")
	tf.expect(t, 0, "plan", "-detailed-exitcode") // 2 if anything is left to do
	secret := cloud.secret(t, "larder-example/signing-key")
	cloud.expectLayer(t, tf, 1, map[string]string{"LARDER_SECRETS": secret, "SIGNING_KEY": secret})
	cloud.expectPolicy(t, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "LarderReadsSecrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": %q}]}`, secret))

	const key = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
	put(t, filepath.Join(tf.dir, "main_override.tf"), fmt.Appendf(nil, `
module "larder" {
  kms_key_arns = [%q]
  allow_batch  = true
  settings     = { LARDER_TTL = "1m" }
}
`, key))
	put(t, filepath.Join(tf.dir, "layer.zip"), zipOf(t, append(slices.Clone(contents), entry{text("more"), "larder/more", 0o644})...))
	tf.expect(t, 0, "apply", "-auto-approve")
	tf.expect(t, 0, "plan", "-detailed-exitcode")
	cloud.expectLayer(t, tf, 2, map[string]string{"LARDER_SECRETS": secret, "LARDER_TTL": "1m", "SIGNING_KEY": secret})
	cloud.expectPolicy(t, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Sid": "LarderReadsSecrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": %[1]q},
		{"Sid": "LarderDecryptsSecrets", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": %[2]q,
			"Condition": {"StringEquals": {"kms:EncryptionContext:SecretARN": %[1]q}}},
		{"Sid": "LarderReadsSecretsTogether", "Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}]}`, secret, key))
	cloud.ask(t, http.StatusNotFound, "lambda", layerVersion(1), nil) // replaced by 2

	tf.expect(t, 0, "apply", "-destroy", "-auto-approve")
	cloud.ask(t, http.StatusNotFound, "lambda", function, nil)
	cloud.ask(t, http.StatusNotFound, "lambda", layerVersion(2), nil)
}

func layerVersion(n int) string { return fmt.Sprintf("/2018-10-31/layers/larder/versions/%d", n) }

// expectLayer: the layer's version n is the zip, byte for byte, and the function
// has it and the variables.
func (c *cloud) expectLayer(t *testing.T, tf *terraform, n int, variables map[string]string) {
	t.Helper()
	zip, err := os.ReadFile(filepath.Join(tf.dir, "layer.zip"))
	if err != nil {
		t.Fatal(err)
	}
	var version struct {
		LayerVersionArn         string
		CompatibleArchitectures []string
		Content                 struct {
			CodeSha256 string
			CodeSize   int
		}
	}
	c.ask(t, http.StatusOK, "lambda", layerVersion(n), &version)
	sum := sha256.Sum256(zip)
	if want := base64.StdEncoding.EncodeToString(sum[:]); version.Content.CodeSha256 != want || version.Content.CodeSize != len(zip) {
		t.Errorf("the layer has %d bytes with hash %s, the zip %d with %s", version.Content.CodeSize, version.Content.CodeSha256, len(zip), want)
	}
	if !slices.Equal(version.CompatibleArchitectures, []string{"arm64"}) {
		t.Errorf("the layer is for %q", version.CompatibleArchitectures)
	}
	var function struct {
		Layers      []struct{ Arn string }
		Environment struct{ Variables map[string]string }
	}
	c.ask(t, http.StatusOK, "lambda", "/2015-03-31/functions/larder-example/configuration", &function)
	if len(function.Layers) != 1 || function.Layers[0].Arn != version.LayerVersionArn {
		t.Errorf("the function has the layers %v, want %s", function.Layers, version.LayerVersionArn)
	}
	if !maps.Equal(function.Environment.Variables, variables) {
		t.Errorf("the function has the variables %v, want %v", function.Environment.Variables, variables)
	}
}
