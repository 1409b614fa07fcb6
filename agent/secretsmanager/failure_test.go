package secretsmanager_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestRefusals: what the service says becomes a kind, and the permission that is
// missing.
func TestRefusals(t *testing.T) {
	const role = "User: arn:aws:sts::123456789012:assumed-role/app/app is not authorized to perform: "
	tests := []struct {
		name, code, message string
		status              int
		kind                agent.Kind
		action, hint        string
	}{
		{
			"no permission", "AccessDeniedException", role + "secretsmanager:GetSecretValue on resource: a because no identity-based policy allows the secretsmanager:GetSecretValue action", 400,
			agent.Denied, "secretsmanager:GetSecretValue", "policy",
		},
		{"no permission, named in no words", "AccessDeniedException", "Access denied", 400, agent.Denied, "secretsmanager:GetSecretValue", "policy"},
		{"no permission for the key, by name", "AccessDeniedException", role + "kms:Decrypt on resource: arn:aws:kms:us-east-1:123456789012:key/k", 400, agent.Denied, "kms:Decrypt", "policy"},
		{"no permission for the key", "AccessDeniedException", "Access to KMS is not allowed", 400, agent.Denied, "kms:Decrypt", "key"},
		{"not decrypted", "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.", 400, agent.Denied, "kms:Decrypt", "key"},
		{"not there", "ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400, agent.NotFound, "", "create-secret"},
		{"deleted", "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.", 400, agent.NotFound, "", "restore-secret"},
		{"invalid", "InvalidParameterException", "The parameter name is not valid.", 400, agent.Invalid, "", ""},
		{"other credentials", "UnrecognizedClientException", "The security token included in the request is invalid.", 400, agent.Denied, "", "AWS_SESSION_TOKEN"},
		{"unknown refusal", "NewException", "Something new.", 400, agent.Invalid, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			aws.Always(single, agenttest.Refuse(test.status, test.code, test.message))
			e := open(t, aws.URL).wantError(t, named("a"), test.kind, test.code)
			if e.Action != test.action || !strings.Contains(e.Hint, test.hint) {
				t.Errorf("Action = %q and Hint = %q, want %q and %q", e.Action, e.Hint, test.action, test.hint)
			}
			wantCalls(t, aws.Server, map[string]int{single: 1})
		})
	}
}

// TestOutages: what passes is tried again, and then told as an outage.
func TestOutages(t *testing.T) {
	cases := []struct {
		name  string
		fault agenttest.Fault
		kind  agent.Kind
		code  string
	}{
		{"throttled", agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"), agent.Throttled, "ThrottlingException"},
		{"throttled by KMS", agenttest.Refuse(400, "KMSThrottlingException", "Rate exceeded"), agent.Throttled, "KMSThrottlingException"},
		{"internal error", agenttest.Refuse(500, "InternalServiceError", "An error occurred on the server side."), agent.Unavailable, "InternalServiceError"},
		{"service unavailable", agenttest.Answer(503, "text/html", "<html>"+planted+"</html>"), agent.Unavailable, "ConnectionError"},
		{"connection reset", agenttest.Reset(), agent.Unavailable, "ConnectionError"},
		{"broken off", agenttest.Truncate(), agent.Unavailable, "ConnectionError"},
	}
	var tests group
	for _, test := range cases {
		aws := agenttest.NewAWS(t)
		aws.Put("a", planted)
		s := open(t, aws.URL)
		tests.run(t, test.name, func(t *testing.T) {
			aws.Always(single, test.fault)
			s.wantError(t, named("a"), test.kind, test.code)
			if n := len(aws.Calls(single)); n != 3 {
				t.Errorf("%d attempts, want 3", n)
			}
			aws.On(single, func(c agenttest.Call) agenttest.Fault {
				if c.Number == 4 {
					return test.fault
				}
				return nil
			})
			s.want(t, named("a"), planted)
			if n := len(aws.Calls(single)); n != 5 {
				t.Errorf("%d attempts in all, want 5", n)
			}
		})
	}
	tests.Wait()
}

// TestNonsense: an answer that cannot be understood is none.
func TestNonsense(t *testing.T) {
	const answer = "application/x-amz-json-1.1"
	text := planted
	cases := []struct {
		name  string
		fault agenttest.Fault
		kind  agent.Kind
		code  string
	}{
		{"no JSON", agenttest.Answer(200, answer, planted), agent.Unavailable, "ConnectionError"},
		{"JSON cut short", agenttest.Answer(200, answer, `{"Name":"a","SecretString":"`+planted), agent.Unavailable, "ConnectionError"},
		{"another type", agenttest.Answer(200, answer, `{"Name":"a","SecretString":{"`+planted+`":1}}`), agent.Unavailable, "ConnectionError"},
		{"binary that is no base64", agenttest.Answer(200, answer, `{"Name":"a","SecretBinary":"`+planted+`!"}`), agent.Unavailable, "ConnectionError"},
		{"an array", agenttest.Answer(200, answer, `["`+planted+`"]`), agent.Unavailable, "ConnectionError"},
		{"null", agenttest.Answer(200, answer, `null`), agent.Unavailable, "WrongAnswer"},
		{"an empty object", agenttest.Answer(200, answer, `{}`), agent.Unavailable, "WrongAnswer"},
		{"no body", agenttest.Answer(200, answer, ``), agent.Unavailable, "WrongAnswer"},
		{"no value", agenttest.Edit(func(v *agenttest.Version) { v.SecretString = nil }), agent.Invalid, "EmptySecret"},
		{"an empty value", agenttest.Edit(func(v *agenttest.Version) { *v.SecretString = "" }), agent.Invalid, "EmptySecret"},
		{"another secret", agenttest.Edit(func(v *agenttest.Version) {
			*v = agenttest.Version{Name: "b", ARN: agenttest.ARN(agenttest.Region, "b"), SecretString: &text, VersionStages: []string{"AWSCURRENT"}}
		}), agent.Unavailable, "WrongAnswer"},
		{"a name that begins alike", agenttest.Edit(func(v *agenttest.Version) {
			*v = agenttest.Version{Name: "ab", ARN: agenttest.ARN(agenttest.Region, "ab"), SecretString: &text, VersionStages: []string{"AWSCURRENT"}}
		}), agent.Unavailable, "WrongAnswer"},
		{"the previous version", agenttest.Edit(func(v *agenttest.Version) { v.VersionStages = []string{"AWSPREVIOUS"} }), agent.Unavailable, "WrongAnswer"},
	}
	var tests group
	for _, test := range cases {
		aws := agenttest.NewAWS(t)
		aws.Put("a", planted)
		aws.Always(single, test.fault)
		s := open(t, aws.URL)
		tests.run(t, test.name, func(t *testing.T) {
			s.wantError(t, named("a"), test.kind, test.code)
		})
	}
	tests.Wait()
}

func TestConnectionRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	e := open(t, "http://"+address).wantError(t, named("a"), agent.Unavailable, "ConnectionError")
	if !strings.Contains(e.Message, address) || !strings.Contains(e.Hint, "AWS_ENDPOINT_URL") {
		t.Errorf("the error does not say what cannot be reached, and what to look at: %v", e)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	aws, elsewhere := agenttest.NewAWS(t), agenttest.NewAWS(t)
	elsewhere.Put("a", planted)
	for _, status := range []int{301, 302, 307, 308} {
		aws.Always(single, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, elsewhere.URL, status)
		})
		r := open(t, aws.URL).fetch(t.Context(), t, named("a"))[0]
		if r.Err == nil || agent.AsError(r.Err).Kind != agent.Unavailable {
			t.Errorf("%d: %v, want an outage", status, r.Err)
		}
	}
	if calls := elsewhere.Calls(""); len(calls) > 0 {
		t.Errorf("the redirect was followed: %v", calls)
	}
}

func TestEndlessBodyIsCut(t *testing.T) {
	aws := agenttest.NewAWS(t)
	var sent atomic.Int64
	aws.Always(single, agenttest.Endless(`{"Name":"a","SecretString":"`+planted, func(n int) { sent.Add(int64(n)) }))
	e := open(t, aws.URL).wantError(t, named("a"), agent.Unavailable, "ConnectionError")
	if !strings.Contains(e.Message, "too long") {
		t.Errorf("the error does not say why: %v", e)
	}
	const most = 16 << 20 // 8 MiB, and what fills the buffers between
	if n := sent.Load(); n > most {
		t.Errorf("%d MiB were taken", n>>20)
	}
}

// TestDeadConnections: those that died while nobody used them, as all do when a
// sandbox is frozen for long, fail nothing and hold nothing up, however many they
// are.
func TestDeadConnections(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 8)
	aws.Always(single, agenttest.Together(8))
	s := open(t, aws.URL, never)
	s.wantMany(t, refs)
	dead := map[string]bool{}
	for _, call := range aws.Calls(single) {
		dead[call.Connection] = true
	}
	if len(dead) != 8 {
		t.Fatalf("%d connections, want 8", len(dead))
	}
	aws.Forget()
	aws.On(single, func(c agenttest.Call) agenttest.Fault {
		if dead[c.Connection] {
			return agenttest.Reset()
		}
		return nil
	})
	s.want(t, refs[0], valueOf(0))
	seen := map[string]bool{}
	for _, call := range aws.Calls(single) {
		seen[call.Header.Get("Amz-Sdk-Request")] = true
		if call.Header.Get("X-Idempotency-Key") != "" {
			t.Error("a header of ours reaches the service")
		}
	}
	if len(seen) != 1 {
		t.Errorf("the SDK waited and tried again: %v", seen)
	}
}

func TestIdleConnectionClosed(t *testing.T) {
	aws := agenttest.NewAWS(t)
	aws.Put("a", planted)
	s := open(t, aws.URL)
	s.want(t, named("a"), planted)
	aws.CloseIdle()
	s.want(t, named("a"), planted)
}
