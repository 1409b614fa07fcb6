//go:build integration

package parameterstore_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/awsapi"
	"github.com/larder-secrets/larder/agent/parameterstore"
)

// moto is a local AWS: writes go to it by the SDK, and what the backend reads
// through a proxy that counts and fails on demand.
type moto struct {
	client  *sdk.Client
	secrets *secretsmanager.Client
	proxy   *agenttest.Server
	log     bytes.Buffer
}

func TestMoto(t *testing.T) {
	url := agenttest.Moto(t)
	agenttest.Setenv(t, url)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &moto{client: sdk.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg), proxy: agenttest.NewProxy(t, url)}
	agenttest.Setenv(t, m.proxy.URL)
	t.Run("conformance", m.conformance)
	t.Run("names and versions", m.versions)
	t.Run("ten at a time", m.tenAtATime)
	t.Run("only one at a time allowed", m.alone)
	t.Run("denied", m.denied)
	t.Run("down", m.down)
	t.Run("a secret by its reference", m.secret)
	t.Run("refused", m.refused)
	t.Run("one entry", m.oneEntry)
	t.Run("everything under a path", m.path)
}

func (m *moto) put(t testing.TB, name, value string, kind types.ParameterType) {
	t.Helper()
	_, err := m.client.PutParameter(t.Context(), &sdk.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: aws.Bool(true), Tier: types.ParameterTierAdvanced})
	if err != nil {
		t.Fatalf("PutParameter %s: %v", name, err)
	}
}

func (m *moto) source() agent.Source {
	return parameterstore.Source(parameterstore.Config{
		AWS: awsapi.Config{Getenv: os.Getenv, Base: awsapi.Environment, Log: slog.New(slog.NewTextHandler(&m.log, nil))},
		TTL: time.Minute, MaxConnections: 8,
	})
}

func (m *moto) conformance(t *testing.T) {
	agenttest.Conformance(t, agenttest.Harness{
		Scheme: "ssm",
		Source: m.source(),
		Put:    func(t testing.TB, name, value string) { m.put(t, name, value, types.ParameterTypeSecureString) },
		Delete: func(t testing.TB, name string) {
			if _, err := m.client.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: &name}); err != nil {
				t.Fatal(err)
			}
		},
		MaxValue: 8 << 10, // of the advanced tier (AWS Systems Manager quotas)
	})
}

// fetch asks a new backend; the counts begin anew.
func (m *moto) fetch(t *testing.T, refs ...agent.Reference) []agent.Result {
	t.Helper()
	backend, err := m.source().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.ask(t, backend, refs...)
}

func (m *moto) ask(t *testing.T, backend agent.Backend, refs ...agent.Reference) []agent.Result {
	t.Helper()
	m.proxy.Forget()
	results := make([]agent.Result, len(refs))
	backend.Fetch(context.WithoutCancel(t.Context()), refs, func(i int, r agent.Result) { results[i] = r })
	return results
}

func (m *moto) want(t *testing.T, ref agent.Reference, value string) *agent.Secret {
	t.Helper()
	r := m.fetch(t, ref)[0]
	if r.Err != nil || string(r.Secret.Value.Reveal()) != value {
		t.Fatalf("%s: %+v, want %q", ref, r, value)
	}
	return r.Secret
}

func wantKind(t *testing.T, r agent.Result, kind agent.Kind, says ...string) {
	t.Helper()
	e := agent.AsError(r.Err)
	if e == nil || e.Kind != kind {
		t.Fatalf("%+v, want %v", r, kind)
	}
	for _, text := range says {
		if !strings.Contains(e.Error(), text) {
			t.Errorf("%q does not say %q", e, text)
		}
	}
}

func named(id string) agent.Reference { return agent.Reference{Scheme: "ssm", ID: id} }

func asking(id, query string) agent.Reference {
	return agent.Reference{Scheme: "ssm", ID: id, Query: query}
}

func (m *moto) versions(t *testing.T) {
	for _, value := range []string{"one", "two", "three"} {
		m.put(t, "/app/db", value, types.ParameterTypeString)
	}
	_, err := m.client.LabelParameterVersion(t.Context(), &sdk.LabelParameterVersionInput{Name: aws.String("/app/db"), ParameterVersion: aws.Int64(2), Labels: []string{"Dev"}})
	if err != nil {
		t.Fatal(err)
	}
	s := m.want(t, named("/app/db"), "three")
	if s.Version != "3" || s.Name != "/app/db" || s.Immutable || s.Detail[parameterstore.Type] != "String" || s.Created.IsZero() {
		t.Errorf("%+v", s)
	}
	m.want(t, named(s.ARN), "three")
	if one := m.want(t, asking("/app/db", "version=1"), "one"); !one.Immutable || one.Detail[parameterstore.Selector] != ":1" {
		t.Errorf("%+v", one)
	}
	if dev := m.want(t, asking("/app/db", "label=Dev"), "two"); dev.Immutable || dev.Detail[parameterstore.Selector] != ":Dev" {
		t.Errorf("%+v", dev)
	}
	for _, query := range []string{"version=9", "label=None"} {
		wantKind(t, m.fetch(t, asking("/app/db", query))[0], agent.NotFound, "/app/db")
	}
	refs := []agent.Reference{named("/app/db"), asking("/app/db", "version=1"), asking("/app/db", "label=Dev"), asking("/app/db", "version=9"), named("/app/none")}
	for i, r := range m.fetch(t, refs...) {
		if want := []string{"three", "one", "two", "", ""}[i]; want == "" {
			wantKind(t, r, agent.NotFound, "/app/")
		} else if r.Err != nil || string(r.Secret.Value.Reveal()) != want {
			t.Errorf("%s among others: %+v, want %s", refs[i], r, want)
		}
	}
	m.put(t, "/app/key", "open", types.ParameterTypeSecureString)
	m.want(t, named("/app/key"), "open")
	if r := m.fetch(t, asking("/app/key", "withDecryption=false"))[0]; r.Err != nil || string(r.Secret.Value.Reveal()) == "open" {
		t.Errorf("what is not to be decrypted: %+v", r)
	}
}

func (m *moto) many(t *testing.T, n int) []agent.Reference {
	t.Helper()
	var refs []agent.Reference
	for i := range n {
		name := fmt.Sprintf("/many/%d", i)
		m.put(t, name, fmt.Sprint("value ", i), types.ParameterTypeString)
		refs = append(refs, named(name))
	}
	return refs
}

func (m *moto) wantMany(t *testing.T, results []agent.Result) {
	t.Helper()
	for i, r := range results {
		if r.Err != nil || string(r.Secret.Value.Reveal()) != fmt.Sprint("value ", i) {
			t.Errorf("parameter %d: %+v", i, r)
		}
	}
}

func (m *moto) wantCalls(t *testing.T, several, single int) {
	t.Helper()
	if got := m.proxy.Operations(); got["GetParameters"] != several || got["GetParameter"] != single {
		t.Errorf("calls %v, want %d of GetParameters and %d of GetParameter", got, several, single)
	}
}

func (m *moto) tenAtATime(t *testing.T) {
	m.wantMany(t, m.fetch(t, m.many(t, 45)...))
	m.wantCalls(t, 5, 0)
	m.wantMany(t, m.fetch(t, m.many(t, 1)...))
	m.wantCalls(t, 0, 1)
}

// alone: users of AWS's extension have given ssm:GetParameter only.
func (m *moto) alone(t *testing.T) {
	refs := m.many(t, 12)
	m.proxy.Always("GetParameters", agenttest.Refuse(400, "AccessDeniedException",
		"User: arn:aws:sts::123456789012:assumed-role/app/app is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:us-east-1:123456789012:parameter/many/0 because no identity-based policy allows the ssm:GetParameters action"))
	defer m.proxy.On("GetParameters", nil)
	backend, err := m.source().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.log.Reset()
	m.wantMany(t, m.ask(t, backend, refs...))
	m.wantMany(t, m.ask(t, backend, refs...))
	m.wantCalls(t, 0, 12) // is not asked for several again
	if n := strings.Count(m.log.String(), "ssm:GetParameters"); n != 1 {
		t.Errorf("logged: %s", m.log.String())
	}
}

func (m *moto) denied(t *testing.T) {
	m.proxy.Always("", agenttest.Refuse(400, "AccessDeniedException", "not allowed"))
	defer m.proxy.On("", nil)
	wantKind(t, m.fetch(t, named("/app/db"))[0], agent.Denied, "ssm:GetParameter", "/app/db")
}

func (m *moto) down(t *testing.T) {
	refs := m.many(t, 30)
	m.proxy.Always("GetParameters", agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"))
	defer m.proxy.On("GetParameters", nil)
	for _, r := range m.fetch(t, refs...) {
		wantKind(t, r, agent.Throttled, "Rate exceeded")
	}
	m.wantCalls(t, 9, 0) // three, each with its attempts: to ask one by one would ask more
}

func (m *moto) secret(t *testing.T) {
	_, err := m.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String("of Secrets Manager")})
	if err != nil {
		t.Fatal(err)
	}
	s := m.want(t, named("/aws/reference/secretsmanager/db"), "of Secrets Manager")
	if s.Name != "/aws/reference/secretsmanager/db" || s.Detail[parameterstore.Version] != "0" || !strings.Contains(s.Detail[parameterstore.SourceResult], `"Name": "db"`) {
		t.Errorf("%s: %+v", s.Name, s.Detail)
	}
}

func (m *moto) refused(t *testing.T) {
	for _, test := range []struct {
		ref  agent.Reference
		says string
	}{
		{asking("a", "versionStage=AWSCURRENT"), "version, label"},
		{asking("a", "label=x&version=1"), "both"},
		{asking("a", "version=Dev"), "label=NAME"},
		{asking("a", "withDecryption=maybe"), "true or false"},
		{named("a:1"), "version=NUMBER"},
		{named("/a/*"), "LARDER_SECRETS"},
		{named("arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"), "ARN of a parameter"},
	} {
		wantKind(t, m.fetch(t, test.ref)[0], agent.Invalid, test.says)
	}
	wantKind(t, m.fetch(t, asking("a", "roleArn=arn:aws:iam::123456789012:role/other"))[0], agent.Denied, "LARDER_ROLES")
	m.wantCalls(t, 0, 0)
}

// oneEntry: however a plain parameter is asked for, it is held once.
func (m *moto) oneEntry(t *testing.T) {
	c := agent.New(agent.Config{Sources: map[string]agent.Source{"ssm": m.source()}, MaxStale: time.Hour})
	defer c.Close()
	first, err := c.Get(t.Context(), named("/app/db"), agent.Cached)
	if err != nil {
		t.Fatal(err)
	}
	m.proxy.Forget()
	for _, ref := range []agent.Reference{named(first.Secret.ARN), asking("/app/db", "withDecryption=true"), asking("/app/db", "withDecryption=false")} {
		if r, err := c.Get(t.Context(), ref, agent.Cached); err != nil || r.Waited {
			t.Errorf("%s: %+v, %v", ref, r, err)
		}
	}
	m.wantCalls(t, 0, 0)
	for query, value := range map[string]string{"": "open", "withDecryption=false": ""} {
		r, err := c.Get(t.Context(), asking("/app/key", query), agent.Cached)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Secret.Value.Reveal()); value != "" && got != value || value == "" && got == "open" {
			t.Errorf("what is encrypted, with %q: %q", query, got)
		}
	}
}

// path: a pattern is prefetched in pages of ten, and refreshed ten at a time.
func (m *moto) path(t *testing.T) {
	for i := range 25 {
		m.put(t, fmt.Sprintf("/tree/%d/leaf", i), fmt.Sprint("value ", i), types.ParameterTypeSecureString)
	}
	m.put(t, "/treetop", "not under it", types.ParameterTypeString)
	c := agent.New(agent.Config{Sources: map[string]agent.Source{"ssm": m.source()}, Secrets: []agent.Spec{{Reference: named("/tree/*")}}, Listed: true})
	defer c.Close()
	m.proxy.Forget()
	if err := c.Prefetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 25 {
		r, err := c.Get(t.Context(), named(fmt.Sprintf("/tree/%d/leaf", i)), agent.Cached)
		if err != nil || r.Waited || string(r.Secret.Value.Reveal()) != fmt.Sprint("value ", i) {
			t.Errorf("leaf %d: %+v, %v", i, r, err)
		}
	}
	if _, err := c.Get(t.Context(), named("/treetop"), agent.Cached); agent.AsError(err) == nil || agent.AsError(err).Kind != agent.Denied {
		t.Errorf("what is beside the path: %v", err)
	}
	if got := m.proxy.Operations(); got["GetParametersByPath"] != 3 || len(got) != 1 {
		t.Errorf("calls %v, want three pages", got)
	}
	m.proxy.Always("GetParametersByPath", agenttest.Refuse(400, "AccessDeniedException", "not allowed"))
	defer m.proxy.On("GetParametersByPath", nil)
	refused := agent.New(agent.Config{Sources: map[string]agent.Source{"ssm": m.source()}, Secrets: []agent.Spec{{Reference: named("/tree/*")}}})
	defer refused.Close()
	if err := refused.Prefetch(t.Context()); err == nil || !strings.Contains(err.Error(), "ssm:GetParametersByPath") || !strings.Contains(err.Error(), "/tree/*") {
		t.Errorf("a role that may not: %v", err)
	}
}
