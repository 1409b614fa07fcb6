package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestFailAtInitNamesEach: every required secret that is missing with its reason,
// those on their way too, and no optional one.
func TestFailAtInitNamesEach(t *testing.T) {
	t.Parallel()
	aws := troubled(t)
	env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", "good denied gone hung optional? hung-optional?",
		"LARDER_ON_INIT_FAILURE", "fail", "LARDER_INIT_TIMEOUT", "500ms")
	b := start(t, env, nil)
	if _, err := b.Init(t.Context()); err == nil {
		t.Fatal("INIT succeeded")
	}
	p := b.exited()
	expectError(t, p, "init/error", "Extension.PrefetchFailed",
		`secret "denied"`, "secretsmanager:GetSecretValue", `secret "gone"`, "can't find", `secret "aws:hung"`, "no answer yet")
	for _, name := range []string{"optional", "good"} {
		if strings.Contains(p.Errors[0].Message, name) {
			t.Errorf("the message names %q: %s", name, p.Errors[0].Message)
		}
	}
	for _, name := range []string{"denied", "gone", "hung"} {
		if n := strings.Count(p.Output, `secret "`+name+`"`) + strings.Count(p.Output, `secret "aws:`+name+`"`); n != 1 {
			t.Errorf("%q is told %d times:\n%s", name, n, p.Output)
		}
	}
}

// TestOptionalSecretsNeverFailInit: neither missing nor on their way.
func TestOptionalSecretsNeverFailInit(t *testing.T) {
	t.Parallel()
	aws := troubled(t)
	env := with(agenttest.Environment(aws.URL), "LARDER_SECRETS", "good optional? hung-optional?",
		"LARDER_ON_INIT_FAILURE", "fail", "LARDER_INIT_TIMEOUT", "500ms")
	b := start(t, env, nil).init()
	b.read("/secret?name=good").expect(t, http.StatusOK, "abc123")
}

// troubled is a Secrets Manager in which one secret is good, one denied, those
// called hung are never answered, and all others are missing.
func troubled(t *testing.T) *agenttest.AWS {
	t.Helper()
	aws := agenttest.NewAWS(t)
	aws.Put("good", "abc123")
	aws.Refuse("denied", "AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue on resource: denied")
	hang := agenttest.Hang(nil)
	aws.On("GetSecretValue", func(c agenttest.Call) agenttest.Fault {
		if strings.HasPrefix(c.IDs[0], "hung") {
			return hang
		}
		return nil
	})
	return aws
}
