//go:build integration

package secretsmanager_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// many makes n secrets.
func (m *moto) many(t *testing.T, prefix string, n int) []agent.Reference {
	t.Helper()
	refs := make([]agent.Reference, n)
	for i := range refs {
		refs[i] = named(fmt.Sprintf("%s/%02d-of-many", prefix, i))
		value := valueOf(i)
		m.create(t, refs[i].ID, &value, nil)
	}
	return refs
}

func (m *moto) manyInBatches(t *testing.T) {
	refs := m.many(t, "batches", 45)
	s := m.open(t, func(c *secretsmanager.Config) { c.BatchAbove = 1 })
	m.proxy.Always(batch, agenttest.Together(3))
	s.wantMany(t, refs)
	wantCalls(t, m.proxy, map[string]int{batch: 3})
}

func (m *moto) fewSideBySide(t *testing.T) {
	refs := m.many(t, "few", 5)
	s := m.open(t)
	m.proxy.Always(single, agenttest.Together(5)) // an answer only if all five are under way
	s.wantMany(t, refs)
	wantCalls(t, m.proxy, map[string]int{single: 5})
	if n := m.proxy.MostRunning(); n != 5 {
		t.Errorf("%d calls at once, want 5", n)
	}
}

func (m *moto) names(t *testing.T) {
	value := planted
	out := m.create(t, "path/to/named-one", &value, nil)
	ending := m.create(t, "named-abcdef", &value, nil)
	partial := func(arn string) string { return arn[:strings.LastIndex(arn, "-")] }
	s := m.open(t)
	tests := []struct {
		name string
		ref  agent.Reference
		arn  string
	}{
		{"name", named("path/to/named-one"), *out.ARN},
		{"ARN", named(*out.ARN), *out.ARN},
		{"partial ARN", named(partial(*out.ARN)), *out.ARN},
		{"AWSCURRENT", asking("path/to/named-one", "versionStage=AWSCURRENT"), *out.ARN},
		{"AWSCURRENT of the ARN", asking(*out.ARN, "versionStage=AWSCURRENT"), *out.ARN},
		{"a name that ends as an ARN does", named("named-abcdef"), *ending.ARN},
		{"its ARN", named(*ending.ARN), *ending.ARN},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := s.want(t, test.ref, planted)
			if secret.Aliases[0] != named(test.arn) || secret.ARN != test.arn || secret.Immutable || secret.Created.IsZero() {
				t.Errorf("secret %+v, want the identity %s", secret, test.arn)
			}
		})
	}
}

func (m *moto) versions(t *testing.T) {
	one, two, three := planted+"-one", planted+"-two", planted+"-three"
	out := m.create(t, "versions", &one, nil)
	second := m.put(t, "versions", &two, nil)
	m.put(t, "versions", &three, nil, "blue")
	s := m.open(t)
	tests := []struct{ name, query, value, stage string }{
		{"current", "", two, "AWSCURRENT"},
		{"AWSPREVIOUS", "versionStage=AWSPREVIOUS", one, "AWSPREVIOUS"},
		{"a stage of one's own", "versionStage=blue", three, "blue"},
		{"an old version", "versionId=" + *out.VersionId, one, "AWSPREVIOUS"},
		{"the current version", "versionId=" + second, two, "AWSCURRENT"},
		{"version and stage", "versionId=" + second + "&versionStage=AWSCURRENT", two, "AWSCURRENT"},
	}
	identities := map[agent.Reference]string{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := s.want(t, asking("versions", test.query), test.value)
			if len(secret.Stages) != 1 || secret.Stages[0] != test.stage {
				t.Errorf("stages %v, want %s", secret.Stages, test.stage)
			}
			if by := strings.Contains(test.query, "versionId"); secret.Immutable != by {
				t.Errorf("Immutable = %v", secret.Immutable)
			}
			if other := identities[secret.Aliases[0]]; other != "" {
				t.Errorf("%s is the identity of %q too", secret.Aliases[0], other)
			}
			identities[secret.Aliases[0]] = test.name
		})
	}
	for _, query := range []string{"versionStage=green", "versionId=00000000-0000-4000-8000-000000000000"} {
		s.wantError(t, asking("versions", query), agent.NotFound, "ResourceNotFoundException")
	}
}

// deletedInBatch: the single case is the conformance suite's.
func (m *moto) deletedInBatch(t *testing.T) {
	value, binary := planted, []byte{0, 0xff, 1}
	m.create(t, "deleted/one", &value, nil)
	m.create(t, "deleted/binary", nil, binary)
	m.delete(t, "deleted/one")
	s := m.open(t, always)
	gone, missing, there := named("deleted/one"), named("deleted/never-there"), named("deleted/binary")
	results := s.fetch(t.Context(), t, gone, missing, there)
	if e := agent.AsError(results[0].Err); results[0].Err == nil || e.Kind != agent.NotFound || !strings.Contains(e.Message, gone.ID) {
		t.Errorf("%s: %v", gone, results[0].Err)
	}
	wantError(t, missing, results[1], agent.NotFound, "ResourceNotFoundException")
	if r := results[2]; r.Err != nil || !r.Secret.Binary || !bytes.Equal(r.Secret.Value.Reveal(), binary) {
		t.Errorf("%s: %v", there, r.Err)
	}
	single := m.open(t).wantError(t, gone, agent.NotFound, "InvalidRequestException")
	if !strings.Contains(single.Hint, "restore-secret") {
		t.Errorf("the hint does not say how to get it back: %v", single)
	}
}

// role: a listed role is assumed once, and signs.
func (m *moto) role(t *testing.T) {
	value := planted
	m.create(t, "of-a-role", &value, nil)
	const role = "arn:aws:iam::123456789012:role/listed"
	s := m.open(t, func(c *secretsmanager.Config) { c.AWS.Roles = []string{role} })
	ref := asking("of-a-role", "roleArn="+url.QueryEscape(role))
	first := s.want(t, ref, planted)
	s.want(t, ref, planted)
	wantCalls(t, m.proxy, map[string]int{"AssumeRole": 1, single: 2})
	for _, call := range m.proxy.Calls(single) {
		if call.AccessKey == "AKIDEXAMPLE" {
			t.Error("the call was signed by the agent's own credentials")
		}
	}
	if own := s.want(t, named("of-a-role"), planted); own.Aliases[0] == first.Aliases[0] {
		t.Error("what the role may read and what the agent may read are one entry")
	}
}

func (m *moto) oneEntry(t *testing.T) {
	value := planted
	out := m.create(t, "one-entry-only", &value, nil)
	refs := []agent.Reference{
		named("one-entry-only"), named(*out.ARN), named((*out.ARN)[:strings.LastIndex(*out.ARN, "-")]),
		asking("one-entry-only", "versionStage=AWSCURRENT"), asking(*out.ARN, "versionStage=AWSCURRENT"),
	}
	for _, first := range refs {
		t.Run(first.String(), func(t *testing.T) {
			c := m.cache(t, time.Hour, agent.Spec{Reference: first})
			if err := c.Prefetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, ref := range refs {
				get(t, c, ref, planted)
			}
			if held := c.Status().Secrets; len(held) != 1 {
				t.Errorf("held %+v, want one entry", held)
			}
			// The name is no name of what was asked for by ARN until somebody asks.
			if calls := m.proxy.Operations(); calls[single] > 2 || len(calls) != 1 {
				t.Errorf("calls %v", calls)
			}
		})
	}
}

// afterTTL: a new version is served once the old one's TTL has ended.
func (m *moto) afterTTL(t *testing.T) {
	one, two := planted+"-one", planted+"-two"
	m.create(t, "after-the-ttl", &one, nil)
	const ttl = 300 * time.Millisecond
	c := m.cache(t, ttl)
	ref := named("after-the-ttl")
	get(t, c, ref, one)
	m.put(t, "after-the-ttl", &two, nil)
	wait(t, func() bool {
		reading, err := c.Get(t.Context(), ref, agent.Cached)
		return err == nil && string(reading.Secret.Value.Reveal()) == two
	})
	if n := m.proxy.Operations()[single]; n < 2 {
		t.Errorf("%d calls", n)
	}
}

// refresh: what is due is fetched beside the readers, who find it there.
func (m *moto) refresh(t *testing.T) {
	one, two := planted+"-one", planted+"-two"
	m.create(t, "to-refresh", &one, nil)
	c := m.cache(t, 2*time.Second)
	ref := named("to-refresh")
	get(t, c, ref, one)
	get(t, c, ref, one)
	m.put(t, "to-refresh", &two, nil)
	wait(t, func() bool {
		c.Refresh(t.Context())
		return m.proxy.Operations()[single] == 2
	})
	get(t, c, ref, two)
	wantCalls(t, m.proxy, map[string]int{single: 2})
}

// wait asks again and again until done, as time passes.
func wait(t *testing.T, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it does not happen")
		}
	}
}
