package file_test

import (
	"fmt"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

func TestValues(t *testing.T) {
	s := write(t, `{
  "text": "abc123",
  "lines": "a\nb\t\"c\" \u00e4",
  "number": 42,
  "exact": 1.50e3,
  "big": 12345678901234567890,
  "yes": true, "no": false,
  "object": {"user": "app",  "port": 1},
  "array": [1, "two"],
  "empty object": {},
  "blank": " ",
  "a/b.c_d+e=f@g": "odd name"
}`)
	for name, value := range map[string]string{
		"text": "abc123", "lines": "a\nb\t\"c\" ä", "number": "42", "exact": "1.50e3", "big": "12345678901234567890", "yes": "true", "no": "false",
		"object": `{"user": "app",  "port": 1}`, "array": `[1, "two"]`, "empty object": "{}", "blank": " ", "a/b.c_d+e=f@g": "odd name",
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			secret := s.want(name, value)
			if secret.Name != name || secret.Binary || secret.Created.IsZero() || len(secret.Stages) != 1 || secret.Stages[0] != "AWSCURRENT" {
				t.Errorf("secret = %+v", secret)
			}
		})
	}
}

func TestEmptyValues(t *testing.T) {
	tests := []struct{ name, text, at string }{
		{"null", `{"a": null}`, "line 1, column 7"},
		{"an empty string", "{\n  \"b\": \"x\",\n  \"a\"  :  \"\"\n}", "line 3, column 11"},
		{"after another empty one", "{\"b\": \"\", \"ä\": {\"a\": \"\"},\n\"a\":null}", "line 2, column 5"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := write(t, test.text)
			s.wantError("a", agent.Invalid, "EmptySecret", `"a"`, s.path, test.at)
		})
	}
}

func TestMissingSecret(t *testing.T) {
	s := write(t, `{"other": "`+planted+`", "Case": "x"}`)
	for _, name := range []string{"a", "case", "other ", "../secrets.json", "", "arn:aws:secretsmanager:us-east-1:1:secret:", "arn:aws:secretsmanager:us-east-1:1:secret:-abcdef"} {
		s.wantError(name, agent.NotFound, "ResourceNotFoundException", fmt.Sprintf("%q", name), s.path)
	}
	s.want("Case", "x")
}

func TestFindByARN(t *testing.T) {
	const prefix = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	s := write(t, `{"api-key": "one", "x-abcdef": "suffix of its own", "path/to:it": "colon", "`+prefix+`whole-123456": "by the whole ARN", "whole": "by name"}`)
	tests := []struct{ name, id, value, found string }{
		{"a full ARN", prefix + "api-key-a1B2c3", "one", "api-key"},
		{"a partial ARN", prefix + "api-key", "one", "api-key"},
		{"another partition", "arn:aws-cn:secretsmanager:cn-north-1:1:secret:api-key-a1B2c3", "one", "api-key"},
		{"a name that ends as a suffix does", prefix + "x-abcdef", "suffix of its own", "x-abcdef"},
		{"the same with a suffix", prefix + "x-abcdef-123456", "suffix of its own", "x-abcdef"},
		{"a name with a colon", prefix + "path/to:it-123456", "colon", "path/to:it"},
		{"an ARN that is in the file", prefix + "whole-123456", "by the whole ARN", prefix + "whole-123456"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := *s
			s.t = t
			if secret := s.want(test.id, test.value); secret.Name != test.found {
				t.Errorf("Name = %q, want %q", secret.Name, test.found)
			}
		})
	}
	for _, id := range []string{"arn:aws:ssm:r:a:secret:api-key", "arn:aws:secretsmanager:r:a:other:api-key", prefix + "api-key-12345", prefix + "API-KEY-123456"} {
		s.wantError(id, agent.NotFound, "ResourceNotFoundException")
	}
}

func TestOwnARNLeadsBack(t *testing.T) {
	s := write(t, `{"a": "one", "b-123456": "two"}`)
	for name, value := range map[string]string{"a": "one", "b-123456": "two"} {
		secret := s.want(name, value)
		if again := s.want(secret.ARN, value); again.ARN != secret.ARN || again.Version != secret.Version {
			t.Errorf("%s: asked by its ARN %s it is %s", name, secret.ARN, again.ARN)
		}
		if len(secret.Aliases) != 3 || secret.Aliases[2] != named(name) || secret.Aliases[0] != named(secret.ARN) || secret.Aliases[1] != named(name) {
			t.Errorf("%s: Aliases = %v", name, secret.Aliases)
		}
	}
}

func TestQuery(t *testing.T) {
	s := write(t, `{"a": "one"}`)
	version := s.want("a", "one").Version
	for _, query := range []string{"versionStage=AWSCURRENT", "versionId=" + version, "roleArn=arn", "version=1", "roleArn=arn&versionId=" + version + "&versionStage=AWSCURRENT"} {
		if _, err := s.get(agent.Reference{Scheme: "file", ID: "a", Query: query}); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	for query, kind := range map[string]agent.Kind{
		"versionStage=AWSPREVIOUS": agent.NotFound, "versionId=other": agent.NotFound, "versionId=" + version + "&versionStage=AWSPENDING": agent.NotFound,
		"label=x": agent.NotFound, "version=2": agent.NotFound, "stage=x": agent.Invalid, "VersionStage=AWSCURRENT": agent.Invalid, "a=%zz": agent.Invalid,
	} {
		secret, err := s.get(agent.Reference{Scheme: "file", ID: "a", Query: query})
		if err == nil || agent.AsError(err).Kind != kind || secret != nil {
			t.Errorf("%s: %v, %v; want %v", query, secret, err, kind)
		}
	}
}

// TestParameters: the names that Parameter Store has lead to the file's.
func TestParameters(t *testing.T) {
	s := write(t, `{"/app/db": "one", "plain": "two"}`)
	for id, value := range map[string]string{
		"/app/db": "one", "arn:aws:ssm:eu-west-1:123456789012:parameter/app/db": "one",
		"arn:aws:ssm:eu-west-1:123456789012:parameter/plain": "two", "/aws/reference/secretsmanager/plain": "two",
	} {
		secret, err := s.get(agent.Reference{Scheme: "file", ID: id})
		if err != nil || string(secret.Value.Reveal()) != value {
			t.Errorf("%s: %+v, %v", id, secret, err)
		}
	}
	for _, id := range []string{"arn:aws:ssm:eu-west-1:123456789012:document/plain", "/aws/reference/other/plain"} {
		if secret, err := s.get(agent.Reference{Scheme: "file", ID: id}); agent.AsError(err) == nil || agent.AsError(err).Kind != agent.NotFound {
			t.Errorf("%s: %+v, %v", id, secret, err)
		}
	}
}
