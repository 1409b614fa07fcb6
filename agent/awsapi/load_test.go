package awsapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// load reads the environment as it is, for the use in Lambda.
func load(t *testing.T, change ...func(*awsapi.Config)) (*awsapi.API, *bytes.Buffer, error) {
	t.Helper()
	log := &bytes.Buffer{}
	c := awsapi.Config{Getenv: os.Getenv, Base: awsapi.Environment, Lambda: true, MaxConnections: 2, Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, set := range change {
		set(&c)
	}
	api, err := awsapi.Load(t.Context(), c)
	return api, log, err
}

func TestLoadMakesNoCall(t *testing.T) {
	aws := agenttest.NewAWS(t)
	agenttest.Setenv(t, aws.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	api, _, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	api.For("eu-west-1", "arn:aws:iam::123456789012:role/any")
	if calls := aws.Calls(""); len(calls) > 0 {
		t.Errorf("calls %v", calls)
	}
}

func TestPlaces(t *testing.T) {
	agenttest.Setenv(t, "http://127.0.0.1:1")
	api, _, err := load(t, func(c *awsapi.Config) { c.Roles = []string{"arn:aws:iam::123456789012:role/listed"} })
	if err != nil {
		t.Fatal(err)
	}
	if api.Region() != agenttest.Region || api.For("", "").Region != agenttest.Region || api.For("eu-west-1", "").Region != "eu-west-1" {
		t.Errorf("regions %q, %q and %q", api.Region(), api.For("", "").Region, api.For("eu-west-1", "").Region)
	}
	const role = "arn:aws:iam::123456789012:role/one"
	if one, again, other := api.For("", role), api.For("eu-west-1", role), api.For("", role+"2"); one.Credentials != again.Credentials || one.Credentials == other.Credentials {
		t.Error("a role has not one provider of its own in all regions, so that it would be assumed again and again")
	}
	if !api.AllowsRole("arn:aws:iam::123456789012:role/listed") || api.AllowsRole(role) || api.AllowsRole("") {
		t.Error("the roles that may be assumed are not those that are listed")
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ name, variable, value, code string }{
		{"no region", "AWS_REGION", "", "MissingRegion"},
		{"FIPS or not", "AWS_USE_FIPS_ENDPOINT", "maybe", "InvalidConfiguration"},
		{"no such bundle", "AWS_CA_BUNDLE", "/nowhere/ca.pem", "InvalidConfiguration"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			agenttest.Setenv(t, "http://127.0.0.1:1")
			t.Setenv(test.variable, test.value)
			_, _, err := load(t)
			if err == nil {
				t.Fatal("no error")
			}
			if e := agent.AsError(err); e.Kind != agent.Invalid || e.Code != test.code {
				t.Errorf("%+v, want %s", e, test.code)
			}
		})
	}
}

func TestOverridesAreLogged(t *testing.T) {
	agenttest.Setenv(t, "http://user:"+planted+"@127.0.0.1:4566/path?token="+planted)
	_, log, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, "AWS_ENDPOINT_URL") || !strings.Contains(text, "127.0.0.1:4566") {
		t.Errorf("the override is not logged in one line: %q", text)
	}
	if strings.Contains(text, planted) {
		t.Errorf("the line shows what the URL holds beside the host: %q", text)
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	if _, log, _ := load(t); log.Len() > 0 {
		t.Errorf("without one it logs %q", log)
	}
}

// TestVariablesWithoutEffectAreLogged: in Lambda nothing but the environment is
// read.
func TestVariablesWithoutEffectAreLogged(t *testing.T) {
	agenttest.Setenv(t, "")
	if _, log, err := load(t); err != nil || log.Len() > 0 {
		t.Errorf("%v; it logs %q", err, log)
	}
	t.Setenv("AWS_PROFILE", "production")
	_, log, err := load(t)
	if err != nil || strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "AWS_PROFILE") {
		t.Errorf("%v; it logs %q, want one warning that names AWS_PROFILE", err, log)
	}
}

// client returns the HTTP client that every call goes through.
func client(t *testing.T, url string, change ...func(*awsapi.Config)) aws.HTTPClient {
	t.Helper()
	agenttest.Setenv(t, url)
	api, _, err := load(t, change...)
	if err != nil {
		t.Fatal(err)
	}
	return api.For("", "").HTTPClient
}

func TestPlainHTTP(t *testing.T) {
	insecure := func(c *awsapi.Config) { c.AllowPlainHTTP = true }
	tests := []struct {
		host    string
		refused bool
	}{
		{"127.0.0.1", false},
		{"127.1.2.3", false},
		{"[::1]", false},
		{"localhost", false},
		{"192.0.2.1", true},
		{"10.0.0.1", true},
		{"0.0.0.0", true},
		{"secretsmanager.us-east-1.amazonaws.com", true},
		{"localhost.example.test", true},
		{"127.0.0.1.example.test", true},
	}
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			// Port 0 cannot be connected to: what is not refused fails without leaving the machine.
			refused := func(change ...func(*awsapi.Config)) bool {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+test.host+":0/", strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client(t, "http://127.0.0.1:1", change...).Do(req)
				if err == nil {
					resp.Body.Close()
					t.Fatal("an answer from port 0")
				}
				return strings.Contains(err.Error(), "LARDER_INSECURE_ENDPOINT")
			}
			if got := refused(); got != test.refused {
				t.Errorf("refused: %v, want %v", got, test.refused)
			}
			if !test.refused && refused(insecure) {
				t.Error("refused although it is allowed")
			}
		})
	}
}

// TestProtocol: HTTP/1.1 alone, whatever the server offers.
func TestProtocol(t *testing.T) {
	server := agenttest.NewTLSAWS(t)
	server.Put("a", "one")
	var major int
	server.Always("", func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		major = r.ProtoMajor
		answer.ServeHTTP(w, r)
	})
	agenttest.Setenv(t, server.URL)
	t.Setenv("AWS_CA_BUNDLE", server.CAFile(t))
	api, _, err := load(t)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := api.For("", "").HTTPClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if major != 1 || resp.TLS.Version < 0x0303 {
		t.Errorf("HTTP/%d over TLS %#x", major, resp.TLS.Version)
	}
}
