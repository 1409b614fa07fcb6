//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// store is a moto with a proxy that counts in front of it.
type store struct {
	*agenttest.Server
	direct *secretsmanager.Client
}

func newStore(t *testing.T) *store {
	t.Helper()
	url := agenttest.Moto(t)
	return &store{
		Server: agenttest.NewProxy(t, url),
		direct: secretsmanager.New(secretsmanager.Options{
			BaseEndpoint: aws.String(url),
			Region:       agenttest.Region,
			Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "test-key-of-no-account", ""),
			HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		}),
	}
}

func (s *store) put(t *testing.T, in *secretsmanager.CreateSecretInput) {
	t.Helper()
	if _, err := s.direct.CreateSecret(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func (s *store) env(more ...string) map[string]string {
	return with(agenttest.Environment(s.URL), append([]string{"LARDER_LOG_LEVEL", "warn"}, more...)...)
}

// TestMoto runs the binary against moto, which is started once.
func TestMoto(t *testing.T) {
	s := newStore(t)
	names := make([]string, 45)
	for i := range names {
		names[i] = fmt.Sprintf("secret-%02d", i)
		s.put(t, &secretsmanager.CreateSecretInput{Name: &names[i], SecretString: aws.String("value of " + names[i])})
	}
	large := strings.Repeat("0123456789abcdef", 60*1024/16)
	s.put(t, &secretsmanager.CreateSecretInput{Name: aws.String("large"), SecretString: &large})
	s.put(t, &secretsmanager.CreateSecretInput{Name: aws.String("json"), SecretString: aws.String(`{"user":"app","password":"pl4nted<&>","port":5432}`)})
	s.put(t, &secretsmanager.CreateSecretInput{Name: aws.String("binary"), SecretBinary: []byte("pl4nted\x00\xff\xfe")})
	s.put(t, &secretsmanager.CreateSecretInput{Name: aws.String("deleted"), SecretString: aws.String("pl4nted-deleted")})
	if _, err := s.direct.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String("deleted")}); err != nil {
		t.Fatal(err)
	}

	t.Run("45 in three batches", func(t *testing.T) {
		s.Forget()
		b := start(t, s.env("LARDER_SECRETS", strings.Join(names, " "), "LARDER_BATCH", "on"), nil).init()
		s.expectCalls(t, map[string]int{"BatchGetSecretValue": 3})
		for i, a := range b.ask(paths(names)...) {
			a.expect(t, http.StatusOK, "value of "+names[i])
		}
		s.expectCalls(t, map[string]int{"BatchGetSecretValue": 3})
	})
	t.Run("5 in parallel by default", func(t *testing.T) {
		s.Forget()
		s.Always("GetSecretValue", agenttest.Together(5)) // answers once all five are there
		defer s.On("GetSecretValue", nil)
		b := start(t, s.env("LARDER_SECRETS", strings.Join(names[:5], " ")), nil).init()
		s.expectCalls(t, map[string]int{"GetSecretValue": 5})
		for i, a := range b.ask(paths(names[:5])...) {
			a.expect(t, http.StatusOK, "value of "+names[i])
		}
		s.expectCalls(t, map[string]int{"GetSecretValue": 5})
	})
	t.Run("kinds of secrets", func(t *testing.T) {
		b := start(t, s.env("LARDER_SECRETS", "large json#user binary missing? deleted?"), nil).init()
		answers := b.ask(request{Path: "/secret?name=large"}, request{Path: "/secret?name=json&key=port"}, request{Path: "/secret?name=binary"},
			request{Path: "/secret?name=missing"}, request{Path: "/secret?name=deleted"})
		answers[0].expect(t, http.StatusOK, large)
		answers[1].expect(t, http.StatusOK, "5432")
		if !bytes.Equal(answers[2].Body, []byte("pl4nted\x00\xff\xfe")) || answers[2].Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("binary: %q, %v", answers[2].Body, answers[2].Header)
		}
		answers[3].expect(t, http.StatusNotFound, `\"missing\"`, "ResourceNotFoundException")
		answers[4].expect(t, http.StatusNotFound, `\"deleted\"`, "restore-secret")
		if out := b.lines(); out != nil {
			t.Errorf("printed:\n%s", strings.Join(out, "\n"))
		}
	})
	t.Run("the body of the SDK's own output", func(t *testing.T) { s.sameBody(t) })
	t.Run("a new version after the TTL", func(t *testing.T) { s.newVersion(t) })
	t.Run("no value leaks", func(t *testing.T) { s.noLeak(t, large) })

	c := newCloud(t, s)
	t.Run("everything under a path", c.path)
	t.Run("conformance", c.conformance)
	t.Run("conformance of the file", c.conformanceOfFile)
	t.Run("differential", c.differential)
	t.Run("other languages", c.otherLanguages)
	t.Run("signatures", func(t *testing.T) { c.signed(t, *s.direct.Options().BaseEndpoint) })
}

func (s *store) expectCalls(t *testing.T, want map[string]int) {
	t.Helper()
	if got := s.Operations(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func paths(names []string) []request {
	var requests []request
	for _, name := range names {
		requests = append(requests, request{Path: "/secret?name=" + name})
	}
	return requests
}

// sameBody compares /secretsmanager/get with json.Marshal of what the SDK gets,
// byte by byte.
func (s *store) sameBody(t *testing.T) {
	b := start(t, s.env("LARDER_SECRETS", "json binary"), nil).init()
	for _, id := range []string{"json", "binary", "large", "secret-00"} {
		out, err := s.direct.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			t.Fatal(err)
		}
		byARN := "/secretsmanager/get?secretId=" + aws.ToString(out.ARN)
		stage := "/secretsmanager/get?secretId=" + id + "&versionStage=AWSCURRENT"
		version := "/secretsmanager/get?secretId=" + id + "&versionId=" + aws.ToString(out.VersionId)
		out.ResultMetadata = secretsmanager.GetSecretValueOutput{}.ResultMetadata // what the call itself took, which is not the secret's
		want, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range b.ask(request{Path: "/secretsmanager/get?secretId=" + id}, request{Path: byARN}, request{Path: stage}, request{Path: version}) {
			a.expect(t, http.StatusOK)
			if !bytes.Equal(a.Body, want) {
				t.Errorf("%s:\ngot  %.300s\nwant %.300s", id, a.Body, want)
			}
		}
	}
}

// newVersion: the old value is served until the TTL ends, the new one after it.
func (s *store) newVersion(t *testing.T) {
	id := "rotated"
	s.put(t, &secretsmanager.CreateSecretInput{Name: &id, SecretString: aws.String("first")})
	b := start(t, s.env("LARDER_SECRETS", id, "LARDER_TTL", "1s"), nil).init()
	kept := start(t, s.env("LARDER_SECRETS", id), nil).init()
	b.read("/secret?name="+id).expect(t, http.StatusOK, "first")
	if _, err := s.direct.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: aws.String("second")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new version is served", func() bool { return string(b.read("/secret?name="+id).Body) == "second" })
	kept.read("/secret?name="+id).expect(t, http.StatusOK, "first")
	kept.read("/secret?name="+id+"&refresh=true").expect(t, http.StatusOK, "second")
	b.read("/secret?name="+id+"&versionStage=AWSPREVIOUS").expect(t, http.StatusOK, "first")
}

// noLeak makes the binary as loud as it can be, on a healthy run and on one that
// fails.
func (s *store) noLeak(t *testing.T, large string) {
	planted := []string{"value of secret-00", "pl4nted<&>", "pl4nted\x00\xff\xfe", "pl4nted-deleted", large}
	env := s.env(append(loud, "LARDER_SECRETS", "json#gone binary large secret-00 missing deleted")...)
	b := start(t, env, nil).init()
	for i, a := range b.ask(request{Path: "/status"}, request{Path: "/secret?name=missing"}, request{Path: "/secret?name=deleted"},
		request{Path: "/secret?name=binary&key=a"}, request{Path: "/secretsmanager/get?secretId=json&versionStage=NONE"}) {
		expectAbsent(t, fmt.Sprintf("answer %d", i), append(a.Body, a.Error...), planted...)
	}
	b.read("/secretsmanager/get?secretId=json").expect(t, http.StatusOK)
	if err := b.Shutdown(t.Context(), "spindown"); err != nil {
		t.Error(err)
	}
	b.expectNoLeak(append(planted, "test-key-of-no-account")...)
}
