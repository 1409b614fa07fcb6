package awsapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

const action = "secretsmanager:GetSecretValue"

// planted is what causes hold and messages must not.
const planted = "hunter2-PLANTED"

// answered is an error as the SDK returns it for an answer with status.
func answered(status int, code, message string) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		code   string
		status int
		kind   agent.Kind
		served int
	}{
		{"ResourceNotFoundException", 400, agent.NotFound, 400},
		{"ParameterNotFound", 400, agent.NotFound, 400},
		{"AccessDeniedException", 400, agent.Denied, 400},
		{"UnrecognizedClientException", 400, agent.Denied, 400},
		{"InvalidSignatureException", 403, agent.Denied, 403},
		{"ThrottlingException", 400, agent.Throttled, 400},
		{"TooManyRequestsException", 429, agent.Throttled, 429},
		{"ExpiredTokenException", 400, agent.Unavailable, 502},
		{"RequestTimeTooSkewed", 403, agent.Unavailable, 502},
		{"InternalServiceError", 500, agent.Unavailable, 500},
		{"ServiceUnavailable", 503, agent.Unavailable, 503},
		{"SomethingNew", 400, agent.Invalid, 400},
		{"SomethingNew", 500, agent.Unavailable, 500},
		{"SomethingNew", 302, agent.Unavailable, 502},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, " ", test.code), func(t *testing.T) {
			e := awsapi.Error(answered(test.status, test.code, "It is so."), "db", action)
			if e.Kind != test.kind || e.Status != test.served || e.Code != test.code {
				t.Errorf("%+v, want %v and %d", e, test.kind, test.served)
			}
			if want := `secret "db": ` + test.code + ": It is so"; e.Message != want {
				t.Errorf("Message = %q, want %q", e.Message, want)
			}
			if again := awsapi.Answer(test.code, "It is so.", "db", action); test.status == 400 && (again.Kind != e.Kind || again.Message != e.Message) {
				t.Errorf("as data it is %+v", again)
			}
		})
	}
}

func TestMissingPermission(t *testing.T) {
	tests := []struct{ name, code, message, action, hint string }{
		{"named", "AccessDeniedException", "User: arn is not authorized to perform: secretsmanager:DescribeSecret on resource: db", "secretsmanager:DescribeSecret", "policy"},
		{"not named", "AccessDeniedException", "", action, "policy"},
		{"the key's", "AccessDeniedException", "Access to KMS is not allowed", "kms:Decrypt", "key"},
		{"the key's, named", "AccessDeniedException", "User: arn is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext", "kms:Decrypt", "policy"},
		{"not decrypted", "DecryptionFailure", "", "kms:Decrypt", "key"},
		{"bad credentials", "InvalidClientTokenId", "The security token included in the request is invalid", "", "AWS_ACCESS_KEY_ID"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := awsapi.Error(answered(400, test.code, test.message), "db", action)
			if e.Kind != agent.Denied || e.Action != test.action || !strings.Contains(e.Hint, test.hint) {
				t.Errorf("%+v, want the action %q", e, test.action)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: err} }
	tests := []struct {
		name   string
		err    error
		status int
		code   string
		says   []string
	}{
		{"connect timeout", dial(os.ErrDeadlineExceeded), 504, "Timeout", []string{"192.0.2.1:443", "VPC endpoint", "NAT"}},
		{"refused", dial(errors.New("connection refused")), 502, "ConnectionError", []string{"192.0.2.1:443", "refused", "AWS_ENDPOINT_URL"}},
		{"no such host", dial(&net.DNSError{Err: "no such host", Name: "secretsmanager.eu-nowhere-1.amazonaws.com"}), 502, "ConnectionError", []string{"eu-nowhere-1", "AWS_REGION"}},
		{"unknown certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, 502, "CertificateInvalid", []string{"certificate", "AWS_CA_BUNDLE"}},
		{"handshake failure", &net.OpError{Op: "remote error", Err: tls.AlertError(40)}, 502, "ConnectionError", []string{"TLS", "handshake failure", "proxy"}},
		{"no TLS there", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 502, "ConnectionError", []string{"TLS", "proxy"}},
		{"attempt too long", context.DeadlineExceeded, 504, "Timeout", []string{"in time"}},
		{"read timeout", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 504, "Timeout", []string{"in time"}},
		{"cancelled", context.Canceled, 503, "Canceled", []string{"cancelled"}},
		{"broken off", io.ErrUnexpectedEOF, 502, "ConnectionError", []string{"broke off"}},
		{"anything else", errors.New(planted), 502, "ConnectionError", nil},
		{"an answer that cannot be read", &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 200}},
			Err:      &smithy.DeserializationError{Err: errors.New(planted), Snapshot: []byte(planted)},
		}}, 502, "ConnectionError", nil},
		{"a page for people", &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 503}},
			Err:      &smithy.DeserializationError{Err: errors.New(planted)},
		}}, 503, "ConnectionError", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, err := range []error{test.err, fmt.Errorf("operation error: %w", &smithyhttp.RequestSendError{Err: test.err})} {
				e := awsapi.Error(err, "db", action)
				if e.Kind != agent.Unavailable || e.Status != test.status || e.Code != test.code {
					t.Errorf("%+v, want %d and %s", e, test.status, test.code)
				}
				for _, say := range append(test.says, `secret "db"`) {
					if !strings.Contains(e.Error(), say) {
						t.Errorf("%q does not say %q", e, say)
					}
				}
				if strings.Contains(fmt.Sprintf("%+v", *e), planted) {
					t.Errorf("it quotes its cause: %+v", e)
				}
			}
		})
	}
}

func TestMessagesFitALine(t *testing.T) {
	tests := []struct{ name, message, want string }{
		{"line breaks", "one\r\ntwo\x00three\x1b[31m", "one two three [31m"},
		{"stops", "It is so... ", "It is so"},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 400) + "…"},
		{"long, cut within a character", "x" + strings.Repeat("ä", 1000), "x" + strings.Repeat("ä", 199) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := awsapi.Answer("Code", test.message, "db", action)
			if want := `secret "db": Code: ` + test.want; e.Message != want {
				t.Errorf("%q, want %q", e.Message, want)
			}
		})
	}
}
