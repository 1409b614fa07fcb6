package server_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent"
)

// The body is byte for byte what encoding/json makes of the SDK's type, which is
// what clients of AWS's extension parse it into.
func TestSecretsManagerGet(t *testing.T) {
	created := time.Date(2022, 11, 16, 8, 22, 40, 499e6, time.UTC)
	tests := []struct {
		name   string
		secret agent.Secret
		want   secretsmanager.GetSecretValueOutput
	}{
		{
			"text",
			agent.Secret{Name: "n", ARN: "arn", Version: "v", Stages: []string{"AWSCURRENT", "x"}, Created: created, Value: agent.NewValue([]byte("abc"))},
			secretsmanager.GetSecretValueOutput{Name: aws.String("n"), ARN: aws.String("arn"), VersionId: aws.String("v"), VersionStages: []string{"AWSCURRENT", "x"}, CreatedDate: &created, SecretString: aws.String("abc")},
		},
		{
			"text that JSON escapes",
			agent.Secret{Name: "n<&>\"\\/", Created: created, Value: agent.NewValue([]byte("<a>&\"\\\n\u2028ä\x01"))},
			secretsmanager.GetSecretValueOutput{Name: aws.String("n<&>\"\\/"), CreatedDate: &created, SecretString: aws.String("<a>&\"\\\n\u2028ä\x01")},
		},
		{
			"bytes",
			agent.Secret{Name: "n", Binary: true, Created: created, Value: agent.NewValue([]byte{0, 255, 62, 63})},
			secretsmanager.GetSecretValueOutput{Name: aws.String("n"), CreatedDate: &created, SecretBinary: []byte{0, 255, 62, 63}},
		},
		{"nothing but an empty text", agent.Secret{}, secretsmanager.GetSecretValueOutput{SecretString: aws.String("")}},
		{"no stages", agent.Secret{Stages: []string{}, Value: agent.NewValue([]byte("x"))}, secretsmanager.GetSecretValueOutput{VersionStages: []string{}, SecretString: aws.String("x")}},
		{
			"a time without fraction",
			agent.Secret{Created: created.Truncate(time.Second), Value: agent.NewValue([]byte("x"))},
			secretsmanager.GetSecretValueOutput{CreatedDate: aws.Time(created.Truncate(time.Second)), SecretString: aws.String("x")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, nil)
			r.store.on(named("a"), func(context.Context) agent.Result { return agent.Result{Secret: &test.secret} })
			want, err := json.Marshal(test.want)
			if err != nil {
				t.Fatal(err)
			}
			a := r.get("/secretsmanager/get?secretId=a")
			if a.StatusCode != 200 || a.body != string(want) {
				t.Errorf("status %d\n got %s\nwant %s", a.StatusCode, a.body, want)
			}
			if a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type = %q", a.Header.Get("Content-Type"))
			}
		})
	}
}

func TestSecretsManagerGetParameters(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:path/a+b-b1C2d3"
	tests := []struct {
		name, query string
		id, asks    string // what the backend is asked
		status      int
		says        string
	}{
		{"a name", "secretId=a", "a", "", 200, `"SecretString":"one"`},
		{"an ARN, as it stands", "secretId=" + arn, arn, "", 200, "one"},
		{"an ARN, escaped", "secretId=arn%3Aaws%3Asecretsmanager%3Aeu-west-1%3A123456789012%3Asecret%3Apath%2Fa%2Bb-b1C2d3", arn, "", 200, "one"},
		{"a stage", "secretId=a&versionStage=AWSPREVIOUS", "a", "versionStage=AWSPREVIOUS", 200, "one"},
		{"an id", "secretId=a&versionId=x", "a", "versionId=x", 200, "one"},
		{"a role", "secretId=a&roleArn=r", "a", "roleArn=r", 200, "one"},
		{"refreshNow", "secretId=a&refreshNow=True", "a", "", 200, "one"},
		{"what looks like another backend", "secretId=file:a", "file:a", "", 200, "one"},
		{"what looks like a query and a key", "secretId=a%3Fx=1%23k", "a?x=1#k", "", 200, "one"},
		{"no id", "", "", "", 400, "missing parameter secretId"},
		{"an empty id", "secretId=", "", "", 400, "missing parameter secretId"},
		{"an unknown parameter", "secretId=a&name=b", "", "", 400, "unknown parameter"},
		{"an id twice: the first counts", "secretId=a&secretId=b", "a", "", 200, "one"},
		{"a bad flag", "secretId=a&refreshNow=maybe", "", "", 400, "invalid refreshNow value"},
		{"a broken escape", "secretId=%", "", "", 400, "cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, nil)
			r.store.on(agent.Reference{Scheme: "aws", ID: test.id, Query: test.asks}, func(context.Context) agent.Result {
				return agent.Result{Secret: &agent.Secret{Name: "n", Value: agent.NewValue([]byte("one"))}}
			})
			a := r.get("/secretsmanager/get?" + test.query)
			a.want(t, test.status, test.says)
			if test.status != 200 && (a.Header.Get("Content-Type") != "application/json" || len(r.store.asked) > 0) {
				t.Errorf("header = %v, asked %v", a.Header, r.store.asked)
			}
		})
	}
	start(t, nil).get("/secretsmanager/get/?secretId=a").want(t, 404, `"__type":"NotFound"`)
}
