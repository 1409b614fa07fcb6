//go:build integration

package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// cloud is what moto says has been made.
type cloud struct{ url string }

// request sends a GET, or a POST of a form, to one of AWS's services, which moto
// tells from the signature, and returns the body of the answer.
func (c *cloud) request(t *testing.T, status int, service, path string, form url.Values) []byte {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/"+agenttest.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=none")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d: %.300s", service, path, resp.Status, status, body)
	}
	return body
}

// ask reads a JSON answer into to, unless that is nil.
func (c *cloud) ask(t *testing.T, status int, service, path string, to any) {
	t.Helper()
	body := c.request(t, status, service, path, nil)
	if to == nil {
		return
	}
	if err := json.Unmarshal(body, to); err != nil {
		t.Fatalf("%s %s: %v", service, path, err)
	}
}

// secret returns a secret's ARN.
func (c *cloud) secret(t *testing.T, name string) string {
	t.Helper()
	client := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: &c.url,
		Region:       agenttest.Region,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "test-key-of-no-account", ""),
		HTTPClient:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	out, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.ARN)
}

// expectPolicy compares the policy that Larder's part of the role is, as JSON.
func (c *cloud) expectPolicy(t *testing.T, want string) {
	t.Helper()
	body := c.request(t, http.StatusOK, "iam", "/", url.Values{
		"Action": {"GetRolePolicy"}, "Version": {"2010-05-08"}, "RoleName": {"larder-example"}, "PolicyName": {"larder"},
	})
	var answer struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	got, err := url.PathUnescape(answer.Document)
	if err != nil {
		t.Fatal(err)
	}
	var one, two any
	if err := json.Unmarshal([]byte(got), &one); err != nil {
		t.Fatalf("the policy is %q: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &two); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, two) {
		t.Errorf("the policy is\n%s\nwant\n%s", got, want)
	}
}
