package extension_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/larder-secrets/larder/extension"
)

// FuzzAnswer has the API answer anything to a registration and to the question
// for the next event: either what the JSON says is returned, or an error that is
// one line and names the call.
func FuzzAnswer(f *testing.F) {
	a := startAPI(f)
	c := a.client(f)
	f.Fuzz(func(t *testing.T, code uint, identifier string, text []byte) {
		if strings.ContainsFunc(identifier, unicode.IsControl) {
			t.Skip("no header holds this")
		}
		status := 200 + int(code%400)
		answer := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Lambda-Extension-Identifier", identifier)
			w.WriteHeader(status)
			w.Write(text)
		}
		bodiless := status == http.StatusNoContent || status == http.StatusNotModified

		a.on("/register", answer)
		function, err := c.Register(t.Context(), extension.Invoke)
		var asked extension.Function
		readable := json.Unmarshal(text, &asked) == nil && status < 300 && !bodiless
		if err == nil && (!readable || function.Name != asked.Name || function.Version != asked.Version || function.AccountID != asked.AccountID || len(function.Events) != 1) {
			t.Errorf("status %d, %q: registered as %+v", status, text, function)
		}
		wantTold(t, err, "/register", status)

		a.on("/event/next", answer)
		event, err := c.Next(t.Context())
		var told extension.Event
		readable = json.Unmarshal(text, &told) == nil && status < 300 && !bodiless
		if (err == nil) != readable || err == nil && *event != told {
			t.Errorf("status %d, %q: event %+v, %v", status, text, event, err)
		}
		if err == nil && event.Deadline().UnixMilli() != told.DeadlineMs {
			t.Errorf("deadline %v of %d", event.Deadline(), told.DeadlineMs)
		}
		wantTold(t, err, "/event/next", status)
	})
}

// wantTold fails t unless err is nil or a line about the call of path, which
// holds the status of a refusal.
func wantTold(t *testing.T, err error, path string, status int) {
	t.Helper()
	if err == nil {
		return
	}
	var refused *extension.APIError
	if errors.As(err, &refused) != (status >= 300) || refused != nil && (refused.Status != status || refused.Path != path) {
		t.Errorf("status %d: %v", status, err)
	}
	if !strings.Contains(err.Error(), path) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
		t.Errorf("%q is no line about %s", err, path)
	}
}
