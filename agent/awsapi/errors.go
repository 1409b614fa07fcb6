package awsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/larder-secrets/larder/agent"
)

// class says what a service's code means. What is not listed counts by its HTTP
// status. It is no map: one would be filled at every start.
func class(code string) (kind agent.Kind, known bool) {
	switch code {
	case "ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound":
		return agent.NotFound, true
	case "AccessDeniedException", "AccessDenied", "DecryptionFailure",
		"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
		"KMSNotFoundException", "InvalidKeyId", "UnrecognizedClientException",
		"InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"IncompleteSignature", "MissingAuthenticationToken":
		return agent.Denied, true
	case "InvalidParameterException", "InvalidRequestException", "ValidationException":
		return agent.Invalid, true
	case "ThrottlingException", "Throttling", "TooManyRequestsException",
		"RequestLimitExceeded", "LimitExceededException", "KMSThrottlingException", "SlowDown":
		return agent.Throttled, true
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired", "RequestTimeTooSkewed",
		"InternalServiceError", "InternalFailure", "ServiceUnavailable",
		"KMSInternalException", "DependencyTimeoutException":
		return agent.Unavailable, true
	default:
		return 0, false
	}
}

const (
	certificateInvalid = "CertificateInvalid" // the code of such an error

	maxMessage    = 400
	maxRetryAfter = 5 * time.Minute
)

// Error says what err, from a call of action for the secret name, means.
func Error(err error, name, action string) *agent.Error {
	e := &agent.Error{Kind: agent.Unavailable, Status: http.StatusBadGateway, Code: "ConnectionError"}
	var api smithy.APIError
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		e.Status = response.HTTPStatusCode()
		e.RetryAfter = retryAfter(response.HTTPResponse())
		e.RequestID = printable(response.ServiceRequestID())
	}
	if errors.As(err, &api) {
		return answered(e, api.ErrorCode(), api.ErrorMessage(), name, action)
	}
	if e.Status < 500 { // an answer that cannot be read is none, whatever its status
		e.Status = http.StatusBadGateway
	}
	e.Message, e.Hint = unanswered(e, err)
	e.Message = fmt.Sprintf("secret %q: %s", name, e.Message)
	return e
}

// Throttled reports whether err says that the service is asked too often.
func Throttled(err error) bool {
	return err != nil && Error(err, "", "").Kind == agent.Throttled
}

// retryAfter is how long the service asks to be left alone, which it says in
// seconds or as a date (RFC 9110, Retry-After).
func retryAfter(response *smithyhttp.Response) time.Duration {
	if response == nil {
		return 0
	}
	text := response.Header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// Answer says what an error that the service sent as data means.
func Answer(code, message, name, action string) *agent.Error {
	return answered(&agent.Error{Status: http.StatusBadRequest}, code, message, name, action)
}

// answered classifies what the service itself said.
func answered(e *agent.Error, code, message, name, action string) *agent.Error {
	if code == "UnknownError" { // the SDK's word for an answer that holds none of the service's
		message = fmt.Sprintf("status %d, which is no answer: check AWS_ENDPOINT_URL and any proxy in between", e.Status)
	}
	code, message = printable(code), printable(message)
	e.Code = code
	kind, known := class(strings.TrimSuffix(code, "Exception"))
	if !known {
		kind, known = class(code)
	}
	switch {
	case strings.Contains(message, throttledByKey):
		e.Kind = agent.Throttled
	case known:
		e.Kind = kind
	case e.Status >= 400 && e.Status < 500:
		e.Kind = agent.Invalid
	default:
		e.Kind = agent.Unavailable
	}
	if e.Kind == agent.Unavailable && e.Status < 500 {
		e.Status = http.StatusBadGateway
	}
	e.Message = fmt.Sprintf("secret %q: %s: %s", name, code, message)
	switch {
	case e.Kind == agent.Denied:
		e.Action, e.Hint = permission(code, message, action)
	case e.Kind == agent.NotFound && strings.HasPrefix(code, "Parameter"):
		e.Hint = "check the name and the region; a parameter is stored with: aws ssm put-parameter"
	case e.Kind == agent.NotFound:
		e.Hint = "check the name and the region; a secret is stored with: aws secretsmanager create-secret"
	case code == "InvalidRequestException" && deleted(message):
		e.Kind, e.Hint = agent.NotFound, "bring it back with: aws secretsmanager restore-secret"
	case strings.HasPrefix(code, "Expired"):
		e.Hint = "renew them, such as with: aws sso login; the next call loads them anew"
	}
	return e
}

// deleted reports whether the service speaks of a secret that can still be
// restored.
func deleted(message string) bool {
	for _, words := range []string{"marked delet", "marked for delet", "scheduled delet", "scheduled for delet"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// denied is how the services name the permission that is missing. As every
// expression here it is compiled when it is first needed: a start does without.
var denied = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`perform: ([a-z0-9]+:[A-Za-z0-9]+)`)
})

// throttledByKey is how KMS says, through the service, that it is asked too
// often.
const throttledByKey = "rate at which you may call KMS"

// permission returns what the role lacks.
func permission(code, message, action string) (missing, hint string) {
	if named := denied().FindStringSubmatch(message); named != nil {
		return named[1], "add it to the role's policy"
	}
	switch {
	case code == "DecryptionFailure" || code == "InvalidKeyId" || strings.Contains(code+message, "KMS"):
		return "kms:Decrypt", "allow it on the secret's key, in the role's policy and in the key's"
	case strings.HasPrefix(code, "AccessDenied"):
		return action, "add it to the role's policy"
	default:
		return "", "the credentials are not valid: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
	}
}

// unanswered says why there was no answer. It chooses its words from the error's
// type; of its text only what holds an address or a certificate's names is used.
func unanswered(e *agent.Error, err error) (message, hint string) {
	var missing *noCredentials
	var plain *plainError
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &missing):
		e.Code = "CredentialsMissing"
		return missing.Error(), missing.hint()
	case errors.As(err, &plain):
		e.Kind, e.Code, e.Status = agent.Invalid, "InsecureEndpoint", http.StatusBadRequest
		return plain.Error(), ""
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		e.Status, e.Code = http.StatusGatewayTimeout, "Timeout"
		return fmt.Sprintf("no connection to %s within %s", op.Addr, connectTimeout),
			"a function in a VPC needs a VPC endpoint for the service, or a NAT gateway, and a security group that lets it out on port 443"
	case errors.As(err, &dns):
		return "the host " + dns.Name + " cannot be resolved", "check AWS_REGION, AWS_ENDPOINT_URL and the VPC's DNS"
	case errors.As(err, &certificate), errors.As(err, &authority):
		e.Code = certificateInvalid
		return "the server's certificate is not valid for this endpoint", "check AWS_ENDPOINT_URL, AWS_CA_BUNDLE and any proxy in between"
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // crypto/tls's words for an alert
		return fmt.Sprintf("no TLS connection: %v", op.Err), "check AWS_ENDPOINT_URL and any proxy in between"
	case errors.As(err, &record):
		return "the server does not speak TLS", "check AWS_ENDPOINT_URL and any proxy in between"
	case errors.Is(err, context.Canceled):
		e.Status, e.Code = http.StatusServiceUnavailable, "Canceled"
		return "the call was cancelled", ""
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Status, e.Code = http.StatusGatewayTimeout, "Timeout"
		return fmt.Sprintf("the service did not answer in time, which is %s for one attempt", attemptTimeout), ""
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Sprintf("no connection to %s: %v", op.Addr, op.Err), "check AWS_REGION and AWS_ENDPOINT_URL"
	case errors.Is(err, errBodyTooLong):
		return errBodyTooLong.Error(), ""
	default:
		return "the service broke off or sent what is not an answer", "check AWS_ENDPOINT_URL and AWS_REGION"
	}
}

// printable makes a service's text fit for a log line: one line, of words, not
// too long.
func printable(text string) string {
	text = strings.ToValidUTF8(text, "")
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || unicode.IsControl(c) }), " ")
	text = strings.TrimRight(text, ". ") // a hint follows
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
