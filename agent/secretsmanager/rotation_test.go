package secretsmanager_test

import (
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestRotation: each stage is its own secret, and what is pending is never
// answered as current, singly or in a batch.
func TestRotation(t *testing.T) {
	const pending = "versionStage=AWSPENDING"
	for name, change := range how {
		t.Run(name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			first := aws.Put("a", planted+"-1")
			s := open(t, aws.URL, change)
			old := s.want(t, named("a"), planted+"-1")
			s.wantError(t, asking("a", pending), agent.NotFound, "ResourceNotFoundException")

			aws.Stage("a", planted+"-2", "AWSPENDING")
			s.want(t, named("a"), planted+"-1")
			s.want(t, asking("a", pending), planted+"-2")

			aws.Rotate("a", planted+"-3")
			aws.Stage("a", planted+"-blue", "blue")
			now := s.want(t, named("a"), planted+"-3")
			previous := s.want(t, asking("a", "versionStage=AWSPREVIOUS"), planted+"-1")
			blue := s.want(t, asking("a", "versionStage=blue"), planted+"-blue")
			byID := s.want(t, asking("a", "versionId="+first.VersionID), planted+"-1")
			if old.Aliases[0] != now.Aliases[0] || old.Version == now.Version {
				t.Error("what is current has become another secret, or its version has not changed")
			}
			identities := map[agent.Reference]bool{}
			for _, secret := range []*agent.Secret{now, previous, blue, byID} {
				identities[secret.Aliases[0]] = true
			}
			if len(identities) != 4 || !byID.Immutable || now.Immutable {
				t.Errorf("the stages are %d secrets", len(identities))
			}
		})
	}
}

// TestRecreated: the name leads to the new secret, the old ARN to none.
func TestRecreated(t *testing.T) {
	for name, change := range how {
		t.Run(name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			first := aws.Put("a", planted+"-1")
			s := open(t, aws.URL, change)
			partial := named(strings.TrimSuffix(first.ARN, first.ARN[len(first.ARN)-7:]))
			old := s.want(t, named("a"), planted+"-1")
			second := aws.Recreate("a", planted+"-2")
			for _, ref := range []agent.Reference{named("a"), partial, named(second.ARN)} {
				if got := s.want(t, ref, planted+"-2"); got.Aliases[0] == old.Aliases[0] {
					t.Errorf("%s is still the old secret", ref)
				}
			}
			s.wantError(t, named(first.ARN), agent.NotFound, "ResourceNotFoundException")
		})
	}
}

// TestNamesThatLookLikeSuffixes: a name that ends in a hyphen and six characters
// is found by itself, by ARN and by ARN without the suffix, and never taken for
// the secret whose name it begins with.
func TestNamesThatLookLikeSuffixes(t *testing.T) {
	for name, change := range how {
		t.Run(name, func(t *testing.T) {
			aws := agenttest.NewAWS(t)
			aws.Put("db", planted+"-short")
			long := aws.Put("db-prod01", planted+"-long")
			s := open(t, aws.URL, change)
			short := s.want(t, named("db"), planted+"-short")
			for _, id := range []string{"db-prod01", long.ARN, strings.TrimSuffix(long.ARN, "-AbCdEf")} {
				got := s.want(t, named(id), planted+"-long")
				if got.Aliases[0] == short.Aliases[0] {
					t.Errorf("%s is taken for the other", id)
				}
				for _, alias := range got.Aliases {
					s.want(t, alias, planted+"-long")
				}
			}
		})
	}
}
