package secretsmanager_test

import (
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestServiceDownIsNotAskedForEach: of many secrets, the first calls find out,
// and the rest fail as they did.
func TestServiceDownIsNotAskedForEach(t *testing.T) {
	const attempts, secrets, parallel = 3, 200, 8
	down := agenttest.Refuse(500, "InternalServiceError", "An error occurred on the server side.")
	throttled := agenttest.Refuse(400, "ThrottlingException", "Rate exceeded")
	var tests group
	for _, test := range []struct {
		name  string
		fault agenttest.Fault
		kind  agent.Kind
		how   string
		calls int // at most: those that find out, and those under way meanwhile
	}{
		{"down, singly", down, agent.Unavailable, "singly", attempts * 2 * parallel},
		{"down, in batches", down, agent.Unavailable, "in a batch", attempts * 2 * parallel},
		{"throttled, singly", throttled, agent.Throttled, "singly", attempts * 2 * parallel},
		{"throttled, in batches", throttled, agent.Throttled, "in a batch", secrets/20 + attempts*2*parallel},
	} {
		aws := agenttest.NewAWS(t)
		refs := put(aws, secrets)
		aws.Always("", test.fault)
		s := open(t, aws.URL, how[test.how])
		tests.run(t, test.name, func(t *testing.T) {
			for i, r := range s.fetch(t.Context(), t, refs...) {
				if wantError(t, refs[i], r, test.kind, ""); t.Failed() {
					return
				}
			}
			if n := len(aws.Calls("")); n > test.calls {
				t.Errorf("%d calls for %d secrets, want %d at most", n, len(refs), test.calls)
			}
			aws.Always("", nil)
			s.wantMany(t, refs)
		})
	}
	tests.Wait()
}

// TestSecretsInTroubleAreNoRow: what is wrong with keys keeps nobody from other
// secrets, however many they are.
func TestSecretsInTroubleAreNoRow(t *testing.T) {
	aws := agenttest.NewAWS(t)
	refs := put(aws, 45)
	for _, ref := range refs[:40] {
		aws.Refuse(ref.ID, "KMSInternalException", "the key cannot be used")
	}
	results := open(t, aws.URL, never).fetch(t.Context(), t, refs...)
	for i, r := range results[40:] {
		if r.Err != nil {
			t.Errorf("%s: %v", refs[40+i], r.Err)
		}
	}
}
