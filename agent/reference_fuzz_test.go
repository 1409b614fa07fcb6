package agent_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/larder-secrets/larder/agent"
)

func FuzzParseSpec(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := agent.ParseSpec(text, "aws")
		name, err2 := agent.ParseName(text, "aws")
		if err2 == nil && (err != nil || spec != agent.Spec{Reference: name}) {
			t.Errorf("as a name %q is %+v, as a reference %+v (%v)", text, name, spec, err)
		}
		if err != nil {
			if spec != (agent.Spec{}) {
				t.Errorf("%+v beside the error %v", spec, err)
			}
			return
		}
		wantReference(t, text, spec.Reference)
		if spec.Optional != strings.HasSuffix(text, "?") {
			t.Errorf("%q: optional %v", text, spec.Optional)
		}
		if _, key, _ := strings.Cut(strings.TrimSuffix(text, "?"), "#"); spec.Key != key {
			t.Errorf("%q: key %q, want it as it stands", text, spec.Key)
		}
		written := spec.Reference.String()
		if spec.Key != "" {
			written += "#" + spec.Key
		}
		if spec.Optional {
			written += "?"
		}
		if again, err := agent.ParseSpec(written, "other"); err != nil || again != spec {
			t.Errorf("%q is %+v, which written as %q is %+v (%v)", text, spec, written, again, err)
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := agent.ParseName(text, "aws")
		if err != nil {
			if ref != (agent.Reference{}) {
				t.Errorf("%+v beside the error %v", ref, err)
			}
			return
		}
		wantReference(t, text, ref)
		if ref.Query != "" {
			t.Errorf("the name %q carries the query %q", text, ref.Query)
		}
		if !strings.HasSuffix(text, ref.ID) {
			t.Errorf("%q is %+v, which is another name", text, ref)
		}
		if again, err := agent.ParseName(ref.String(), "other"); err != nil || again != ref {
			t.Errorf("%q is %+v, whose text %q is %+v (%v)", text, ref, ref.String(), again, err)
		}
	})
}

func FuzzCanonicalQuery(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			t.Skip("a query that cannot be read is its reader's business")
		}
		query, err := agent.CanonicalQuery(values)
		if err != nil {
			if query != "" {
				t.Errorf("%q beside the error %v", query, err)
			}
			return
		}
		again, err := url.ParseQuery(query)
		if err != nil || len(again) != len(values) {
			t.Fatalf("%q is %q, which is %v (%v)", text, query, again, err)
		}
		for name, given := range values {
			if name == "" || len(given) != 1 || given[0] == "" || len(again[name]) != 1 || again.Get(name) != given[0] {
				t.Errorf("%q is %q: parameter %q was %q and is %q", text, query, name, given, again[name])
			}
		}
		if same, err := agent.CanonicalQuery(again); err != nil || same != query {
			t.Errorf("%q is not canonical: %q (%v)", query, same, err)
		}
	})
}

// wantReference fails t where ref is not what may be asked of a backend and
// written into a line of a log.
func wantReference(t *testing.T, text string, ref agent.Reference) {
	t.Helper()
	if ref.ID == "" || ref.Scheme == "" || strings.Trim(ref.Scheme, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("%q is accepted as %+v", text, ref)
	}
	odd := func(c rune) bool { return c == ' ' || c == '?' || c == '#' || unicode.IsControl(c) }
	if !utf8.ValidString(ref.ID) || strings.ContainsFunc(ref.ID, odd) {
		t.Errorf("%q is accepted as a name", ref.ID)
	}
	values, err := url.ParseQuery(ref.Query)
	if query, canonicalErr := agent.CanonicalQuery(values); err != nil || canonicalErr != nil || query != ref.Query || strings.ContainsFunc(ref.Query, odd) {
		t.Errorf("%q is accepted with the query %q", text, ref.Query)
	}
}
