package secretsmanager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestKMS: what the service passes on from its key service.
func TestKMS(t *testing.T) {
	tests := []struct {
		status        int
		code, message string
		kind          agent.Kind
		action        string
	}{
		{400, "ThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.", agent.Throttled, ""},
		{400, "KMSThrottlingException", "slow down", agent.Throttled, ""},
		{400, "AccessDeniedException", "You have exceeded the rate at which you may call KMS.", agent.Throttled, ""},
		{400, "KMSInvalidStateException", "arn:aws:kms:us-east-1:123456789012:key/k is pending deletion.", agent.Denied, "kms:Decrypt"},
		{400, "KMSInternalException", "failed", agent.Unavailable, ""},
		{400, "DependencyTimeoutException", "timed out", agent.Unavailable, ""},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			aws.Always(single, agenttest.Refuse(test.status, test.code, test.message))
			if e := open(t, aws.URL).wantError(t, named("a"), test.kind, test.code); e.Action != test.action {
				t.Errorf("Action = %q, want %q", e.Action, test.action)
			}
		})
	}
}

// TestBatchedFailuresOfTheKey: an entry of a batch has its kind too.
func TestBatchedFailuresOfTheKey(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 3)
	aws.Refuse(refs[1].ID, "InternalServiceError", "An error occurred on the server side.")
	s := open(t, aws.URL, always)
	results := s.fetch(t.Context(), t, refs...)
	if e := wantError(t, refs[1], results[1], agent.Unavailable, "InternalServiceError"); e.Status < 500 {
		t.Errorf("the error: %+v", e)
	}
	if results[0].Err != nil || results[2].Err != nil {
		t.Errorf("the others: %v, %v", results[0].Err, results[2].Err)
	}
}

// TestHostileTransport: what happens below the service's protocol is an outage
// that says what to look at.
func TestHostileTransport(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(*agenttest.AWS)
		status  int
		says    string
	}{
		{"TLS breaks", func(a *agenttest.AWS) { a.SetTLS(agenttest.TLSBreaks) }, 502, "AWS_ENDPOINT_URL"},
		{"another host's certificate", func(a *agenttest.AWS) { a.SetTLS(agenttest.TLSWrongHost) }, 502, "certificate"},
		{"a compressed bomb", func(a *agenttest.AWS) { a.Always(single, agenttest.Bomb()) }, 502, "too long"},
		{"an answer in drips", func(a *agenttest.AWS) { a.Always(single, agenttest.Drip(200*time.Millisecond)) }, 504, "in time"},
		{"garbage", func(a *agenttest.AWS) {
			a.Always(single, agenttest.Answer(200, "application/x-amz-json-1.1", "\x1f\x8b\x00"+planted+"\xff\xfe"))
		}, 502, "not an answer"},
	}
	var tests group
	for _, test := range cases {
		aws := agenttest.NewTLSAWS(t)
		aws.Put("a", planted)
		agenttest.Setenv(t, aws.URL)
		t.Setenv("AWS_CA_BUNDLE", aws.CAFile(t))
		s, err := tryOpen(t)
		if err != nil {
			t.Fatal(err)
		}
		tests.run(t, test.name, func(t *testing.T) {
			s.want(t, named("a"), planted)
			test.prepare(aws)
			e := s.wantError(t, named("a"), agent.Unavailable, "")
			if e.Status != test.status || !strings.Contains(e.Error(), test.says) || strings.Contains(e.Error(), planted) {
				t.Errorf("the error: %+v", e)
			}
		})
	}
	tests.Wait()
}

// TestSkewedClock: the clock of a machine that is wrong by hours is corrected by
// the service's own.
func TestSkewedClock(t *testing.T) {
	aws := agenttest.NewAWS(t)
	aws.Put("a", planted)
	aws.Always(single, agenttest.Skew(3*time.Hour))
	s := open(t, aws.URL)
	s.want(t, named("a"), planted)
	wantCalls(t, aws.Server, map[string]int{single: 2})
	s.want(t, named("a"), planted)
	wantCalls(t, aws.Server, map[string]int{single: 3})
}

// TestRetryAfter: how long the service asks to be left alone, within reason.
func TestRetryAfter(t *testing.T) {
	tests := []struct {
		header      string
		least, most time.Duration
	}{
		{"", 0, 0},
		{"7", 7 * time.Second, 7 * time.Second},
		{"-7", 0, 0},
		{"86400", 5 * time.Minute, 5 * time.Minute},
		{"soon", 0, 0},
		{time.Now().Add(time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), 30 * time.Second, time.Minute},
	}
	for _, test := range tests {
		t.Run(test.header, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			aws.Always(single, agenttest.Refuse(400, "InvalidRequestException", "later"))
			if test.header != "" {
				aws.Always(single, agenttest.WithHeader("Retry-After", test.header, agenttest.Refuse(400, "InvalidRequestException", "later")))
			}
			e := open(t, aws.URL).wantError(t, named("a"), agent.Invalid, "InvalidRequestException")
			if e.RetryAfter < test.least || e.RetryAfter > test.most {
				t.Errorf("RetryAfter = %v, want %v to %v", e.RetryAfter, test.least, test.most)
			}
		})
	}
}
