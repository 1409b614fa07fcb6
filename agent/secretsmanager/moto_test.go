//go:build integration

package secretsmanager_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// moto is a local AWS: writes go to it by the SDK, and what the backend reads
// through a proxy that counts.
type moto struct {
	client *sdk.Client
	proxy  *agenttest.Server
}

func TestMoto(t *testing.T) {
	url := agenttest.Moto(t)
	agenttest.Setenv(t, url)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &moto{client: sdk.NewFromConfig(cfg), proxy: agenttest.NewProxy(t, url)}
	t.Run("conformance", m.conformance)
	t.Run("conformance in batches", m.conformanceInBatches)
	t.Run("many in batches", m.manyInBatches)
	t.Run("few side by side", m.fewSideBySide)
	t.Run("names", m.names)
	t.Run("versions", m.versions)
	t.Run("deleted", m.deletedInBatch)
	t.Run("role", m.role)
	t.Run("one entry for all names", m.oneEntry)
	t.Run("refresh", m.refresh)
	t.Run("after the TTL", m.afterTTL)
}

// create makes a secret; text and bytes are as in the SDK, and may both be nil.
func (m *moto) create(t testing.TB, name string, text *string, bytes []byte) *sdk.CreateSecretOutput {
	t.Helper()
	out, err := m.client.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name, SecretString: text, SecretBinary: bytes})
	if err != nil {
		t.Fatalf("CreateSecret %s: %v", name, err)
	}
	return out
}

// write stores a new current version of a secret that is there, or makes it.
func (m *moto) write(t testing.TB, name string, text *string, bytes []byte) {
	t.Helper()
	_, err := m.client.DescribeSecret(t.Context(), &sdk.DescribeSecretInput{SecretId: &name})
	if err != nil {
		m.create(t, name, text, bytes)
		return
	}
	m.put(t, name, text, bytes)
}

// put stores a new version with stages, or as the current one. It returns its id.
func (m *moto) put(t testing.TB, name string, text *string, bytes []byte, stages ...string) string {
	t.Helper()
	out, err := m.client.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &name, SecretString: text, SecretBinary: bytes, VersionStages: stages})
	if err != nil {
		t.Fatalf("PutSecretValue %s: %v", name, err)
	}
	return aws.ToString(out.VersionId)
}

func (m *moto) delete(t testing.TB, name string) {
	t.Helper()
	if _, err := m.client.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: &name}); err != nil {
		t.Fatalf("DeleteSecret %s: %v", name, err)
	}
}

// open returns a backend that reads through the proxy, whose counts begin anew.
func (m *moto) open(t *testing.T, change ...func(*secretsmanager.Config)) *store {
	t.Helper()
	s := open(t, m.proxy.URL, change...)
	m.proxy.Always("", nil)
	m.proxy.Forget()
	return s
}

func (m *moto) harness(t *testing.T, change ...func(*secretsmanager.Config)) agenttest.Harness {
	agenttest.Setenv(t, m.proxy.URL)
	return agenttest.Harness{
		Scheme:    "aws",
		Source:    source(&log{}, change...),
		Put:       func(t testing.TB, name, value string) { m.write(t, name, &value, nil) },
		PutBinary: func(t testing.TB, name string, value []byte) { m.write(t, name, nil, value) },
		PutEmpty:  func(t testing.TB, name string) { m.write(t, name, nil, nil) },
		Delete:    m.delete,
	}
}

func (m *moto) conformance(t *testing.T) { agenttest.Conformance(t, m.harness(t, never)) }

func (m *moto) conformanceInBatches(t *testing.T) {
	for _, name := range []string{"larder-to-delete", "larder-empty-one"} { // of the run before
		_, err := m.client.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
	}
	agenttest.Conformance(t, m.harness(t, always))
}

// cache returns a cache over a backend that reads through the proxy.
func (m *moto) cache(t *testing.T, ttl time.Duration, secrets ...agent.Spec) *agent.Cache {
	t.Helper()
	agenttest.Setenv(t, m.proxy.URL)
	s := source(&log{}, func(c *secretsmanager.Config) { c.TTL = ttl })
	c := agent.New(agent.Config{Sources: map[string]agent.Source{"aws": s}, Secrets: secrets, MaxStale: time.Hour, RefreshWait: time.Second})
	t.Cleanup(c.Close)
	m.proxy.Always("", nil)
	m.proxy.Forget()
	return c
}

// get reads ref and fails t unless it is value.
func get(t *testing.T, c *agent.Cache, ref agent.Reference, value string) {
	t.Helper()
	reading, err := c.Get(t.Context(), ref, agent.Cached)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	if got := string(reading.Secret.Value.Reveal()); got != value || reading.Stale {
		t.Fatalf("%s = %q, stale %v; want %q", ref, got, reading.Stale, value)
	}
}
