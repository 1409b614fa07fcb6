package awsapi_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// FuzzAnswer classifies whatever a service, or what stands in for it, may say:
// the message is a line that is not too long, and the status one that stands for
// a failure.
func FuzzAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, code, message, name string, httpStatus uint) {
		if strings.ContainsFunc(code, func(c rune) bool { return c <= ' ' || c == 0x7f }) || len(code) > 100 {
			t.Skip("the SDK takes the code from a header, or from a JSON name")
		}
		for _, e := range []*agent.Error{
			awsapi.Answer(code, message, name, action),
			awsapi.Error(answered(int(httpStatus%1000), code, message), name, action),
		} {
			wantAnswer(t, e, code, name)
			if e.Kind != agent.Denied && e.Action != "" || strings.ContainsAny(e.Action, " \n") {
				t.Errorf("%v names the permission %q", e.Kind, e.Action)
			}
		}
	})
}

// wantAnswer fails t unless e is fit for a log line and for an answer.
func wantAnswer(t *testing.T, e *agent.Error, code, name string) {
	t.Helper()
	kinds := []agent.Kind{agent.Unavailable, agent.NotFound, agent.Denied, agent.Invalid, agent.Throttled}
	if !slices.Contains(kinds, e.Kind) || e.Kind == agent.Unavailable && e.Status < 500 || e.Code != code {
		t.Errorf("%+v", e)
	}
	_, said, named := strings.Cut(e.Message, code+": ")
	if !named || !strings.HasPrefix(e.Message, "secret ") || len(said) > 500 {
		t.Errorf("Message = %q", e.Message)
	}
	if utf8.ValidString(name) && strings.ContainsFunc(e.Error(), func(c rune) bool { return c < ' ' || c == 0x7f }) {
		t.Errorf("%q is no line", e.Error())
	}
}
