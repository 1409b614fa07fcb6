//go:build integration

package main

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// session is what a role's credentials are.
type session struct{ AccessKeyId, SecretAccessKey, SessionToken string }

// signed has moto check signatures and policies from then on: the binary reads
// as a role that may, and not with another's key or as another role. It is the
// last thing moto is used for.
func (c *cloud) signed(t *testing.T, url string) {
	roles := map[string]session{}
	for role, actions := range map[string]string{"app": `["secretsmanager:GetSecretValue", "ssm:GetParameter"]`, "stranger": `["s3:ListBucket"]`} {
		call(t, url, "iam", "CreateRole", "RoleName", role, "AssumeRolePolicyDocument", `{"Version": "2012-10-17", "Statement": []}`)
		call(t, url, "iam", "PutRolePolicy", "RoleName", role, "PolicyName", "p", "PolicyDocument",
			`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": `+actions+`, "Resource": "*"}]}`)
		var out struct {
			Session session `xml:"AssumeRoleResult>Credentials"`
		}
		assumed := call(t, url, "sts", "AssumeRole", "RoleSessionName", "test", "RoleArn", "arn:aws:iam::123456789012:role/"+role)
		if err := xml.Unmarshal(assumed, &out); err != nil || out.Session.SessionToken == "" {
			t.Fatalf("%s: %v", role, err)
		}
		roles[role] = out.Session
	}
	resp, err := http.Post(url+"/moto-api/reset-auth", "text/plain", strings.NewReader("0"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()

	read := func(s session) []answer {
		env := c.env("AWS_ACCESS_KEY_ID", s.AccessKeyId, "AWS_SECRET_ACCESS_KEY", s.SecretAccessKey, "AWS_SESSION_TOKEN", s.SessionToken)
		return start(t, env, nil).init().ask(request{Path: "/secret?name=app/db"}, request{Path: "/systemsmanager/parameters/get?name=/app/host"})
	}
	answers := read(roles["app"])
	answers[0].expect(t, http.StatusOK, "two")
	answers[1].expect(t, http.StatusOK, `"Value":"two"`)
	mixed := roles["app"]
	mixed.SecretAccessKey = roles["stranger"].SecretAccessKey
	for who, s := range map[string]session{"who signs with another's key": mixed, "who may not": roles["stranger"]} {
		for _, a := range read(s) {
			if a.Status < 400 || strings.Contains(a.text(), "two") { // moto refuses in XML, which the service does not
				t.Errorf("%s: status %d: %s", who, a.Status, a.text())
			}
		}
	}
}

// call makes a call that nobody checks yet.
func call(t *testing.T, at, service, action string, parameters ...string) []byte {
	t.Helper()
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", action, resp.StatusCode, err, body)
	}
	return body
}
