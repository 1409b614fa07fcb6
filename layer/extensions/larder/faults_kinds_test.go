package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// faultKind is one way for a backend to fail.
type faultKind struct {
	name  string
	begin func(t *testing.T, c *cell)

	pace     speed // of reads that wait to the end of a call
	attempts int   // that a call consists of, where it ends in an outage
	quick    bool  // a call is over in a moment
	slow     bool  // a call takes longer than INIT waits for the prefetch
	many     bool  // it concerns only what fetches more than ten secrets at once
	secure   bool  // the backend speaks TLS
}

func faultKinds() []faultKind {
	always := func(fault agenttest.Fault) func(*testing.T, *cell) {
		return func(_ *testing.T, c *cell) { c.aws.Always("", fault) }
	}
	refuse := func(status int, code, message string) func(*testing.T, *cell) {
		return always(agenttest.Refuse(status, code, message))
	}
	tls := func(fault agenttest.TLSFault) func(*testing.T, *cell) {
		return func(_ *testing.T, c *cell) { c.aws.SetTLS(fault) }
	}
	const denied = "User: arn:aws:sts::123456789012:assumed-role/app/f is not authorized to perform: secretsmanager:"
	return []faultKind{
		{name: "it answers after 400 ms", pace: withTheAnswer, begin: always(agenttest.Delay(400 * time.Millisecond))},
		{name: "it hangs", pace: slowAttempts, slow: true, begin: always(agenttest.Hang(nil))},
		{name: "it refuses connections", pace: quickAttempts, attempts: 3, begin: func(_ *testing.T, c *cell) { c.front.refuse() }},
		{name: "it resets connections", pace: quickAttempts, attempts: 3, begin: always(agenttest.Reset())},
		{name: "the TLS handshake fails", pace: quickAttempts, attempts: 3, secure: true, begin: tls(agenttest.TLSBreaks)},
		{name: "the certificate is another host's", pace: atOnce, attempts: 1, quick: true, secure: true, begin: tls(agenttest.TLSWrongHost)},
		{name: "internal error (500)", pace: quickAttempts, attempts: 3, begin: refuse(http.StatusInternalServerError, "InternalServiceError", "An error occurred on the server side.")},
		{name: "throttling", pace: pacedAttempts, attempts: 3, begin: refuse(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")},
		{name: "throttling by KMS", pace: pacedAttempts, attempts: 3, begin: refuse(http.StatusBadRequest, "KMSThrottlingException", "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")},
		{name: "access denied", pace: atOnce, quick: true, begin: refuse(http.StatusBadRequest, "AccessDeniedException", denied+"GetSecretValue on resource: my-api-key because no identity-based policy allows the secretsmanager:GetSecretValue action")},
		{name: "access denied to the batch of eleven", pace: atOnce, quick: true, many: true, begin: func(_ *testing.T, c *cell) {
			c.aws.Always("BatchGetSecretValue", agenttest.Refuse(http.StatusBadRequest, "AccessDeniedException", denied+"BatchGetSecretValue on resource: * because no identity-based policy allows the secretsmanager:BatchGetSecretValue action"))
		}},
		{name: "expired credentials", pace: atOnce, attempts: 1, quick: true, begin: refuse(http.StatusBadRequest, "ExpiredTokenException", "The security token included in the request is expired")},
		{name: "its clock is 20 minutes ahead", pace: withTheAnswer, quick: true, begin: always(agenttest.Skew(20 * time.Minute))},
		{name: "there is no such secret", pace: atOnce, quick: true, begin: refuse(http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")},
		{name: "the secret is marked for deletion", pace: atOnce, quick: true, begin: refuse(http.StatusBadRequest, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")},
		{name: "the answer breaks off", pace: quickAttempts, attempts: 3, begin: always(agenttest.Truncate())},
		{name: "the answer is garbage", pace: atOnce, attempts: 1, quick: true, begin: always(agenttest.Answer(http.StatusOK, "application/x-amz-json-1.1", "\x00\xff\xfe<html>pl4nted-garbage"))},
		{name: "the answer has no end", pace: tooLong, attempts: 1, begin: func(_ *testing.T, c *cell) { c.aws.Always("", agenttest.Endless(`{"SecretString": "`, nil)) }},
		{name: "the answer is 64 KiB that decompress to 64 MiB", pace: tooLong, attempts: 1, begin: always(agenttest.Bomb())},
		{name: "the answer is a redirect", pace: atOnce, attempts: 1, quick: true, begin: redirected},
		{name: "the answer comes by a byte in 100 ms", pace: slowAttempts, slow: true, begin: always(agenttest.Drip(100 * time.Millisecond))},
	}
}

// redirected sends the extension to a server that it may never ask: the request
// is signed.
func redirected(t *testing.T, c *cell) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	t.Cleanup(elsewhere.Close)
	c.aws.Always("", agenttest.Redirect(elsewhere.URL))
}

// lift ends the fault.
func (c *cell) lift(t *testing.T) {
	c.aws.On("", nil)
	c.aws.On("BatchGetSecretValue", nil)
	if c.kind.secure {
		c.aws.SetTLS(agenttest.TLSWorks)
	}
	if c.front.refused() {
		c.front.listen(t)
	}
}
