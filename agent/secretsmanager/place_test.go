package secretsmanager_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// TestRegion: the region that a request is signed for is the ARN's.
func TestRegion(t *testing.T) {
	aws := agenttest.NewAWS(t)
	text := planted
	for _, region := range []string{"us-east-1", "eu-west-1", "ap-southeast-2"} {
		value := text + region
		aws.PutVersion(agenttest.Version{Name: "a", ARN: agenttest.ARN(region, "a"), SecretString: &value})
	}
	s := open(t, aws.URL, always)
	tests := []struct{ name, id, region, operation string }{
		{"a name", "a", "us-east-1", batch},
		{"an ARN of this region", agenttest.ARN("us-east-1", "a"), "us-east-1", batch},
		{"an ARN of another", agenttest.ARN("eu-west-1", "a"), "eu-west-1", single},
		{"an ARN of a third", agenttest.ARN("ap-southeast-2", "a"), "ap-southeast-2", single},
		{"an ARN without its suffix", strings.TrimSuffix(agenttest.ARN("eu-west-1", "a"), "-AbCdEf"), "eu-west-1", single},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws.Forget()
			secret := s.want(t, named(test.id), planted+test.region)
			calls := aws.Calls("")
			if len(calls) != 1 || calls[0].Operation != test.operation || calls[0].Region != test.region || calls[0].AccessKey != "AKIDEXAMPLE" {
				t.Errorf("calls %+v, want one %s signed for %s", calls, test.operation, test.region)
			}
			if identity := named(agenttest.ARN(test.region, "a")); secret.Aliases[0] != identity {
				t.Errorf("the identity is %s, want %s", secret.Aliases[0], identity)
			}
		})
	}
}

// TestRefused: what cannot be asked is refused without asking.
func TestRefused(t *testing.T) {
	aws := agenttest.NewAWS(t)
	aws.Put("a", planted)
	s := open(t, aws.URL, func(c *secretsmanager.Config) { c.AWS.Roles = []string{"arn:aws:iam::123456789012:role/listed"} })
	tests := []struct {
		name string
		ref  agent.Reference
		kind agent.Kind
		code string
		says string
	}{
		{"a role that is not listed", asking("a", "roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fother"), agent.Denied, "RoleNotListed", "LARDER_ROLES"},
		{"a role that begins alike", asking("a", "roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Flisted2"), agent.Denied, "RoleNotListed", "role/listed2"},
		{"an unknown parameter", asking("a", "versionstage=x"), agent.Invalid, "InvalidParameterException", "versionstage"},
		{"a query that is none", asking("a", "%zz"), agent.Invalid, "InvalidParameterException", ""},
		{"an ARN of another service", named("arn:aws:ssm:us-east-1:123456789012:parameter/a"), agent.Invalid, "InvalidParameterException", "ARN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if e := s.wantError(t, test.ref, test.kind, test.code); !strings.Contains(e.Error(), test.says) {
				t.Errorf("%v does not say %q", e, test.says)
			}
		})
	}
	wantCalls(t, aws.Server, map[string]int{})
}

func TestCredentialsMissing(t *testing.T) {
	for _, asked := range []int{1, 45} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			refs := put(aws, asked)
			agenttest.Setenv(t, aws.URL)
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			s, err := tryOpen(t)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			for i, r := range s.fetch(t.Context(), t, refs...) {
				if e := wantError(t, refs[i], r, agent.Unavailable, "CredentialsMissing"); !strings.Contains(e.Error(), "execution role") {
					t.Errorf("the error does not say where they come from: %v", e)
				}
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %v", took)
			}
			wantCalls(t, aws.Server, map[string]int{})
		})
	}
}

func TestRegionMissing(t *testing.T) {
	agenttest.Setenv(t, "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "")
	_, err := tryOpen(t)
	if err == nil || agent.AsError(err).Kind != agent.Invalid || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("Open: %v", err)
	}
}

// TestPlainHTTP: a signed request, and the value that answers it, do not cross a
// network in clear.
func TestPlainHTTP(t *testing.T) {
	for _, url := range []string{"http://secrets.example.test", "http://192.0.2.1:4566", "http://127.0.0.1.example.test"} {
		t.Run(url, func(t *testing.T) {
			start := time.Now()
			e := open(t, url).wantError(t, named("a"), agent.Invalid, "InsecureEndpoint")
			if !strings.Contains(e.Error(), "LARDER_INSECURE_ENDPOINT") || !strings.Contains(e.Error(), url) {
				t.Errorf("the error says neither what is wrong nor what to do: %v", e)
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %v: something was tried", took)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	aws := agenttest.NewTLSAWS(t)
	aws.Put("a", planted)
	t.Run("with its certificate", func(t *testing.T) {
		agenttest.Setenv(t, aws.URL)
		t.Setenv("AWS_CA_BUNDLE", aws.CAFile(t))
		s, err := tryOpen(t)
		if err != nil {
			t.Fatal(err)
		}
		s.want(t, named("a"), planted)
	})
	t.Run("without", func(t *testing.T) {
		aws.Forget()
		before, _ := aws.Connections()
		e := open(t, aws.URL).wantError(t, named("a"), agent.Unavailable, "CertificateInvalid")
		if made, _ := aws.Connections(); made != before+1 {
			t.Errorf("%d connections: another attempt does not change a certificate", made-before)
		}
		if !strings.Contains(e.Error(), "certificate") || !strings.Contains(e.Error(), "AWS_CA_BUNDLE") {
			t.Errorf("the error does not say what is wrong: %v", e)
		}
		wantCalls(t, aws.Server, map[string]int{})
	})
}
