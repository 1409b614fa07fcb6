package secretsmanager

import (
	"net/url"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// FuzzARN reads whatever a reference may name: what is taken for an ARN says
// service and region as it stands, and no name is taken for one.
func FuzzARN(f *testing.F) {
	f.Fuzz(func(t *testing.T, id string) {
		arn, ok := parseARN(id)
		if ok != (strings.HasPrefix(id, "arn:") && strings.Count(id, ":") >= 5) {
			t.Errorf("%q is an ARN: %v", id, ok)
		}
		if parts := strings.Split(id, ":"); ok && (arn.service != parts[2] || arn.region != parts[3]) {
			t.Errorf("%q is %+v", id, arn)
		}
		if !ok && arn.service+arn.region != "" {
			t.Errorf("%+v beside the answer that %q is none", arn, id)
		}
	})
}

// FuzzVersion has the service answer a question with any secret: the answer is
// delivered once, and is one that was asked for.
func FuzzVersion(f *testing.F) {
	f.Fuzz(func(t *testing.T, asked, arn, name, versionID, stage, wantID, wantStage, role, value string) {
		var got []agent.Result
		q := &question{
			ref: agent.Reference{Scheme: "aws", ID: asked}, at: awsapi.Place{Role: role}, stage: wantStage, versionID: wantID,
			deliver: func(r agent.Result) { got = append(got, r) },
		}
		v := version{arn: arn, name: name, id: versionID, stages: []string{stage}, text: &value}
		q.answer(v)
		if len(got) != 1 || (got[0].Err == nil) != (got[0].Secret != nil) {
			t.Fatalf("delivered %v", got)
		}
		partial := len(arn) > 7 && arn[len(arn)-7] == '-' && arn[:len(arn)-7] == asked
		rightSecret := asked == name || asked == arn || partial
		rightVersion := wantID != "" && wantID == versionID || wantID == "" && stage == q.wanted()
		s, err := got[0].Secret, got[0].Err
		if err != nil {
			if e := agent.AsError(err); value != "" && len(value) > 9 && !strings.Contains(asked, value) && strings.Contains(e.Error(), value) {
				t.Errorf("the error shows the value: %v", e)
			}
			if rightSecret && rightVersion && value != "" && !partial {
				t.Errorf("%q is not delivered: %v", asked, err)
			}
			return
		}
		if !rightSecret || !rightVersion || string(s.Value.Reveal()) != value || value == "" {
			t.Errorf("asked for %q, %q, %q: delivered %+v", asked, wantID, wantStage, s)
		}
		wantAliases(t, q, s)
	})
}

// wantAliases fails t unless the aliases begin with the whole ARN, hold the
// question itself, and carry the version and role that it asked for.
func wantAliases(t *testing.T, q *question, s *agent.Secret) {
	t.Helper()
	if len(s.Aliases) == 0 || s.Aliases[0].ID != s.ARN {
		t.Fatalf("Aliases = %v", s.Aliases)
	}
	found := false
	for _, alias := range s.Aliases {
		given, err := url.ParseQuery(alias.Query)
		if query, canonicalErr := agent.CanonicalQuery(given); err != nil || canonicalErr != nil || query != alias.Query {
			t.Errorf("alias %+v is not canonical", alias)
		}
		if given.Get("roleArn") != q.at.Role || given.Get("versionId") != q.versionID || alias.Scheme != q.ref.Scheme {
			t.Errorf("%+v is an alias of %+v", alias, q.ref)
		}
		found = found || alias.ID == q.ref.ID
	}
	if !found {
		t.Errorf("%q is not among %v", q.ref.ID, s.Aliases)
	}
}
