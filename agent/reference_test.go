package agent_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:my/api-key-a1B2c3"

func TestParseSpec(t *testing.T) {
	spec := func(scheme, id, query, key string, optional bool) agent.Spec {
		return agent.Spec{Reference: agent.Reference{Scheme: scheme, ID: id, Query: query}, Key: key, Optional: optional}
	}
	tests := []struct {
		text string
		want agent.Spec
	}{
		{"my-api-key", spec("aws", "my-api-key", "", "", false)},
		{"aws:my-api-key", spec("aws", "my-api-key", "", "", false)},
		{"file:my-api-key", spec("file", "my-api-key", "", "", false)},
		{"s3:x", spec("s3", "x", "", "", false)},
		{"a/b+c=d.e_f@g-h", spec("aws", "a/b+c=d.e_f@g-h", "", "", false)},
		{"//", spec("aws", "//", "", "", false)},
		{"%41", spec("aws", "%41", "", "", false)},
		{"schlüssel", spec("aws", "schlüssel", "", "", false)},
		{"file:a:b", spec("file", "a:b", "", "", false)},
		{arn, spec("aws", arn, "", "", false)},
		{arn[:len(arn)-7], spec("aws", arn[:len(arn)-7], "", "", false)},
		{"aws:" + arn, spec("aws", arn, "", "", false)},
		{"file:" + arn, spec("file", arn, "", "", false)},
		{"arn:aws-cn:ssm:cn-north-1:123456789012:parameter/x", spec("ssm", "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/x", "", "", false)},
		{"arn:x", spec("arn", "x", "", "", false)}, // no ARN, and no scheme that a program links
		{"x?", spec("aws", "x", "", "", true)},
		{"x#k", spec("aws", "x", "", "k", false)},
		{"x#k?", spec("aws", "x", "", "k", true)},
		{"x#a#b", spec("aws", "x", "", "a#b", false)},
		{"x#a?b", spec("aws", "x", "", "a?b", false)},
		{"x#a:b.c/d", spec("aws", "x", "", "a:b.c/d", false)},
		{"x?versionStage=AWSPREVIOUS", spec("aws", "x", "versionStage=AWSPREVIOUS", "", false)},
		{"x?versionStage=AWSPREVIOUS#k?", spec("aws", "x", "versionStage=AWSPREVIOUS", "k", true)},
		{"x?b=2&a=1", spec("aws", "x", "a=1&b=2", "", false)},
		{"x?a=%41+b%2B", spec("aws", "x", "a=A+b%2B", "", false)},
		{"x?r=arn:aws:iam::1:role/r", spec("aws", "x", "r=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr", "", false)},
		{arn + "?versionId=v#k", spec("aws", arn, "versionId=v", "k", false)},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := agent.ParseSpec(test.text, "aws")
			if err != nil || got != test.want {
				t.Errorf("ParseSpec = %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestParseSpecRefuses(t *testing.T) {
	tests := []struct{ name, text, says string }{
		{"nothing", "", "no name"},
		{"a scheme alone", "aws:", "no name"},
		{"an empty scheme", ":x", "not a scheme"},
		{"a scheme in capitals", "AWS:x", "not a scheme"},
		{"a scheme with punctuation", "a-b:x", "not a scheme"},
		{"a URL's look", "file ://x", "not a scheme"},
		{"the mark of optional alone", "?", "no name"},
		{"two marks", "x??", "the very end"},
		{"the mark before the key", "x?#k", "the very end"},
		{"an empty key", "x#", "after the #"},
		{"an empty key, optional", "x#?", "after the #"},
		{"a key alone", "#k", "no name"},
		{"an IAM pattern", arn[:len(arn)-6] + "??????", "IAM pattern"},
		{"an IAM pattern with a key", arn[:len(arn)-6] + "??????#k", "IAM pattern"},
		{"an IAM pattern, optional", arn[:len(arn)-6] + "???????", "IAM pattern"},
		{"an IAM pattern that is a name", "x-??????", "IAM pattern"},
		{"another service's ARN", "arn:aws:s3:::bucket", `"s3"`},
		{"an ARN without service", "arn:aws::x", `""`},
		{"a space", "a b", "white space"},
		{"a line break", "a\nb", "control"},
		{"a NUL", "a\x00b", "control"},
		{"a DEL", "a\x7fb", "control"},
		{"a control character past ASCII", "a\u0085b", "control"},
		{"Latin-1", "schl\xfcssel", "UTF-8"},
		{"a parameter without value", "x?versionStage", "no value"},
		{"a parameter with an empty value", "x?versionStage=", "no value"},
		{"a parameter without name", "x?=1", "no value"},
		{"a parameter twice", "x?a=1&a=2", "more than once"},
		{"a broken escape", "x?a=%zz", "not a query"},
		{"a semicolon", "x?a=1;b=2", "not a query"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := agent.ParseSpec(test.text, "aws")
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("ParseSpec(%q) = %+v, %v; want an error that says %q", test.text, got, err, test.says)
			}
		})
	}
}

func TestParseName(t *testing.T) {
	tests := []struct {
		text, scheme string
		want         agent.Reference
	}{
		{"x", "file", agent.Reference{Scheme: "file", ID: "x"}},
		{"aws:x", "file", agent.Reference{Scheme: "aws", ID: "x"}},
		{arn, "file", agent.Reference{Scheme: "aws", ID: arn}},
	}
	for _, test := range tests {
		if got, err := agent.ParseName(test.text, test.scheme); err != nil || got != test.want {
			t.Errorf("ParseName(%q, %q) = %+v, %v; want %+v", test.text, test.scheme, got, err, test.want)
		}
	}
	for _, text := range []string{"", "x?", "x?a=1", "x#k", "x y", "aws:", "X:y", "arn:aws:kms:r:a:key/k"} {
		if got, err := agent.ParseName(text, "aws"); err == nil {
			t.Errorf("ParseName(%q) = %+v, want an error", text, got)
		}
	}
	if _, err := agent.ParseName("x", ""); err == nil {
		t.Error("a name without a scheme passed")
	}
}

func TestCanonicalQuery(t *testing.T) {
	a, err := agent.CanonicalQuery(url.Values{"b": {"x y"}, "a": {"&="}})
	if err != nil || a != "a=%26%3D&b=x+y" {
		t.Errorf("CanonicalQuery = %q, %v", a, err)
	}
	if empty, err := agent.CanonicalQuery(nil); err != nil || empty != "" {
		t.Errorf("CanonicalQuery(nil) = %q, %v", empty, err)
	}
}
