//go:build integration

package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// behaviour is one row of the table of what clients of AWS's two agents rely on.
type behaviour struct {
	whose string // extension, agent, or both
	says  string

	method string   // GET if empty
	target string   // as it goes over the wire; {…} are replaced by what the store made
	header []string // lines; the token's alone if nil
	over   string   // the loopback address; 127.0.0.1 if empty

	fault agenttest.Fault // of the backend

	status  int
	body    string // exactly; {…} are replaced
	has     string // what the body contains
	headers string // a line that the answer's header contains
	file    bool   // holds with the file backend too
}

const tokenLine = "X-Aws-Parameters-Secrets-Token: local-session-token"

// behaviours are the rows. The bodies are written out: what a client sees is what
// counts.
var behaviours = []behaviour{
	{
		whose: "extension", says: "a secret by name", target: "/secretsmanager/get?secretId=app/db", status: 200, file: true,
		body: `{"ARN":"{arn}","CreatedDate":"{created}","Name":"app/db","SecretBinary":null,"SecretString":"two","VersionId":"{current}","VersionStages":["AWSCURRENT"],"ResultMetadata":{}}`,
	},
	{whose: "extension", says: "a secret by name, escaped", target: "/secretsmanager/get?secretId=app%2Fdb", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "extension", says: "a secret by ARN, as it stands", target: "/secretsmanager/get?secretId={arn}", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "extension", says: "a secret by ARN, escaped", target: "/secretsmanager/get?secretId={escaped arn}", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "extension", says: "a secret by ARN without its suffix", target: "/secretsmanager/get?secretId={partial arn}", status: 200, has: `"SecretString":"two"`},
	{whose: "extension", says: "a stage", target: "/secretsmanager/get?secretId=app/db&versionStage=AWSPREVIOUS", status: 200, has: `"SecretString":"one"`},
	{whose: "extension", says: "the stage AWSCURRENT", target: "/secretsmanager/get?secretId=app/db&versionStage=AWSCURRENT", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "extension", says: "a version id", target: "/secretsmanager/get?secretId=app/db&versionId={previous}", status: 200, has: `"SecretString":"one"`},
	{whose: "extension", says: "bytes as base64, and null for the text", target: "/secretsmanager/get?secretId=bytes", status: 200, has: `"SecretBinary":"AP8+Pw==","SecretString":null`},
	{whose: "extension", says: "JSON within JSON", target: "/secretsmanager/get?secretId=json", status: 200, has: `"SecretString":"{\"user\":\"app\",\"password\":\"\u003c\u0026\u003e\"}"`},
	{whose: "extension", says: "no such secret is 400, with AWS's type", target: "/secretsmanager/get?secretId=none", status: 400, has: `{"__type":"ResourceNotFoundException","message":"`, file: true},
	{whose: "extension", says: "an error has AWS's type as a header", target: "/secretsmanager/get?secretId=none", status: 400, headers: "X-Amzn-Errortype: ResourceNotFoundException", file: true},
	{whose: "extension", says: "an error of the service has its request's id", target: "/secretsmanager/get?secretId=never-there", status: 400, headers: "X-Amzn-Requestid: "},
	{whose: "extension", says: "no such stage is 400", target: "/secretsmanager/get?secretId=app/db&versionStage=NONE", status: 400, has: `"__type":"ResourceNotFoundException"`, file: true},
	{whose: "extension", says: "no such version is 400", target: "/secretsmanager/get?secretId=app/db&versionId=00000000-0000-4000-8000-000000000000", status: 400, has: `"__type":"ResourceNotFoundException"`, file: true},
	{whose: "extension", says: "a deleted secret is 400", target: "/secretsmanager/get?secretId=deleted", status: 400, has: `"__type":"InvalidRequestException"`},
	{
		whose: "extension", says: "access denied is 400 and names the permission", target: "/secretsmanager/get?secretId=denied", status: 400,
		fault: agenttest.Refuse(400, "AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue"), has: "missing permission: secretsmanager:GetSecretValue",
	},
	{whose: "extension", says: "throttling is 429", target: "/secretsmanager/get?secretId=throttled", status: 429, fault: agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"), has: `"__type":"ThrottlingException"`},
	{whose: "extension", says: "a service that is down is 5xx", target: "/secretsmanager/get?secretId=failing", status: 500, fault: agenttest.Refuse(500, "InternalServiceError", "later"), has: `"__type":"InternalServiceError"`},
	{whose: "extension", says: "no secretId is 400", target: "/secretsmanager/get", status: 400, has: "missing parameter secretId", file: true},
	{whose: "extension", says: "of two secretIds the first counts", target: "/secretsmanager/get?secretId=app/db&secretId=none", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "extension", says: "an error is JSON, with its quotes escaped", target: `/secretsmanager/get?secretId=%22none%22`, status: 400, headers: "Content-Type: application/json", has: `\"none`, file: true},
	{whose: "extension", says: "the body is JSON", target: "/secretsmanager/get?secretId=app/db", status: 200, headers: "Content-Type: application/json", file: true},
	{
		whose: "extension", says: "a parameter by name, as it stands", target: "/systemsmanager/parameters/get?name=/app/host", status: 200,
		body: `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/app/host","DataType":"text","LastModifiedDate":"{modified}","Name":"/app/host","Selector":null,"SourceResult":null,"Type":"String","Value":"two","Version":2},"ResultMetadata":{}}`,
	},
	{whose: "extension", says: "a parameter, in the value", target: "/systemsmanager/parameters/get?name=/app/host", status: 200, has: `"Name":"/app/host","Selector":null,"SourceResult":null,"Type":"String","Value":"two"`, file: true},
	{whose: "extension", says: "a parameter by name, escaped", target: "/systemsmanager/parameters/get?name=%2Fapp%2Fhost", status: 200, has: `"Value":"two"`, file: true},
	{whose: "extension", says: "with a slash before the query", target: "/systemsmanager/parameters/get/?name=/app/host", status: 200, has: `"Value":"two"`, file: true},
	{whose: "extension", says: "a parameter by ARN", target: "/systemsmanager/parameters/get?name=arn:aws:ssm:us-east-1:123456789012:parameter/app/host", status: 200, has: `"Value":"two"`, file: true},
	{whose: "extension", says: "a version of a parameter, and its selector", target: "/systemsmanager/parameters/get?name=/app/host&version=1", status: 200, has: `"Selector":":1","SourceResult":null,"Type":"String","Value":"one","Version":1`},
	{whose: "extension", says: "a label of a parameter, and its selector", target: "/systemsmanager/parameters/get?name=/app/host&label=Dev", status: 200, has: `"Selector":":Dev","SourceResult":null,"Type":"String","Value":"one"`},
	{whose: "extension", says: "of version and label the first counts", target: "/systemsmanager/parameters/get?name=/app/host&version=2&label=Dev", status: 200, has: `"Value":"two"`},
	{whose: "extension", says: "of label and version the first counts", target: "/systemsmanager/parameters/get?name=/app/host&label=Dev&version=2", status: 200, has: `"Value":"one"`},
	{whose: "extension", says: "a version in the name", target: "/systemsmanager/parameters/get?name=/app/host:1", status: 200, has: `"Value":"one"`},
	{whose: "extension", says: "a SecureString, decrypted", target: "/systemsmanager/parameters/get?name=/app/key&withDecryption=true", status: 200, has: `"Type":"SecureString","Value":"open"`},
	{whose: "extension", says: "a SecureString stays encrypted unless asked for", target: "/systemsmanager/parameters/get?name=/app/key", status: 200, has: `"Value":"kms:`},
	{whose: "extension", says: "a secret by its name in Parameter Store", target: "/systemsmanager/parameters/get?name=/aws/reference/secretsmanager/app/db&withDecryption=true", status: 200, has: `"Value":"two"`, file: true},
	{whose: "extension", says: "no such parameter is 400", target: "/systemsmanager/parameters/get?name=/none", status: 400, has: `{"__type":"ParameterNotFound","message":"`},
	{whose: "extension", says: "no name is 400", target: "/systemsmanager/parameters/get", status: 400, has: "missing parameter name", file: true},
	{whose: "extension", says: "the token's header in lower case", target: "/secretsmanager/get?secretId=app/db", header: []string{strings.ToLower(tokenLine)}, status: 200, file: true},
	{whose: "extension", says: "the token's header in other case", target: "/secretsmanager/get?secretId=app/db", header: []string{"X-AWS-Parameters-Secrets-Token: local-session-token"}, status: 200, file: true},
	{whose: "extension", says: "over IPv6", target: "/secretsmanager/get?secretId=app/db", over: "::1", status: 200, file: true},
	{whose: "extension", says: "by the name localhost", target: "/secretsmanager/get?secretId=app/db", over: "localhost", status: 200, file: true},

	{
		whose: "agent", says: "a secret in the path", target: "/v1/app/db", status: 200, file: true,
		body: `{"ARN":"{arn}","Name":"app/db","VersionId":"{current}","SecretString":"two","VersionStages":["AWSCURRENT"],"CreatedDate":"{epoch}"}`,
	},
	{whose: "agent", says: "the path is taken as it stands", target: "/v1/app%2Fdb", status: 400, has: `{"__type":"ResourceNotFoundException"`, file: true},
	{whose: "agent", says: "an ARN in the path", target: "/v1/{arn}", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "agent", says: "bytes, and no text", target: "/v1/bytes", status: 200, has: `"SecretBinary":"AP8+Pw==","VersionStages"`},
	{whose: "agent", says: "a stage", target: "/v1/app/db?versionStage=AWSPREVIOUS", status: 200, has: `"SecretString":"one"`},
	{whose: "agent", says: "a version id", target: "/v1/app/db?versionId={previous}", status: 200, has: `"SecretString":"one"`},
	{whose: "agent", says: "refreshNow=true", target: "/v1/app/db?refreshNow=true", status: 200, headers: "Cache-Status: Larder; fwd=request", has: `"SecretString":"two"`},
	{whose: "agent", says: "refreshNow=1", target: "/v1/json?refreshNow=1", status: 200, headers: "Cache-Status: Larder; fwd=request"},
	{whose: "agent", says: "refreshNow=TRUE", target: "/v1/bytes?refreshNow=TRUE", status: 200, headers: "Cache-Status: Larder; fwd=request"},
	{whose: "agent", says: "refreshNow=0", target: "/v1/app/db?refreshNow=0", status: 200, headers: "Cache-Status: Larder; hit"},
	{whose: "agent", says: "refreshNow at the other path", target: "/secretsmanager/get?secretId=app/db&refreshNow=False", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "agent", says: "another refreshNow", target: "/v1/app/db?refreshNow=maybe", status: 400, body: "invalid refreshNow value", file: true},
	{whose: "agent", says: "an unknown parameter", target: "/v1/app/db?color=red", status: 400, body: "unknown parameter: color", file: true},
	{whose: "agent", says: "no secret in the path", target: "/v1/", status: 400, body: "missing secret ID", file: true},
	{whose: "agent", says: "what is no role", target: "/v1/app/db?roleArn=admin", status: 400, body: "invalid roleArn format, expected arn:<partition>:iam::<account>:role/<name>", file: true},
	{whose: "agent", says: "a role", target: "/v1/app/db?roleArn=arn:aws:iam::123456789012:role/reader", status: 200, has: `"SecretString":"two"`, file: true},
	{whose: "agent", says: "no such secret", target: "/v1/none", status: 400, has: `{"__type":"ResourceNotFoundException","message":"`, file: true},
	{whose: "agent", says: "a deleted secret", target: "/v1/deleted", status: 400, has: `"__type":"InvalidRequestException"`},
	{whose: "agent", says: "Vault's header for the token", target: "/v1/app/db", header: []string{"X-Vault-Token: local-session-token"}, status: 200, file: true},
	{whose: "agent", says: "no token", target: "/v1/app/db", header: []string{}, status: 403, body: "Bad Token", file: true},
	{whose: "agent", says: "another token", target: "/v1/app/db", header: []string{"X-Aws-Parameters-Secrets-Token: wrong"}, status: 403, body: "Bad Token", file: true},
	{whose: "agent", says: "forwarded", target: "/v1/app/db", header: []string{tokenLine, "X-Forwarded-For: 10.0.0.1"}, status: 400, body: "Forwarded", file: true},
	{whose: "agent", says: "forwarded comes before the token", target: "/v1/app/db", header: []string{"X-Forwarded-For: 10.0.0.1"}, status: 400, body: "Forwarded", file: true},
	{whose: "agent", says: "the token comes before the method", method: "POST", target: "/v1/app/db", header: []string{}, status: 403, body: "Bad Token", file: true},
	{whose: "agent", says: "another method", method: "POST", target: "/v1/app/db", status: 405, body: "Not allowed", file: true},
	{whose: "agent", says: "the method comes before the route", method: "PUT", target: "/nowhere", status: 405, file: true},
	{whose: "agent", says: "no such route", target: "/nowhere", status: 404, file: true},
	{whose: "both", says: "healthy, without a token", target: "/ping", header: []string{}, status: 200, body: "healthy", file: true},
	{whose: "both", says: "only GET is answered", method: "POST", target: "/ping", header: []string{}, status: 405, file: true},
}

const conformancePath = "testdata/conformance.md"

// cloud is moto with what the rows ask for.
type cloud struct {
	*store
	parameters *ssm.Client
	made       map[string]string // what stands for {…}
}

func newCloud(t *testing.T, s *store) *cloud {
	t.Helper()
	c := &cloud{store: s, made: map[string]string{}}
	options := s.direct.Options()
	c.parameters = ssm.New(ssm.Options{
		BaseEndpoint: options.BaseEndpoint, Region: options.Region, HTTPClient: options.HTTPClient,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "test-key-of-no-account", ""),
	})
	for name, in := range map[string]secretsmanager.CreateSecretInput{
		"app/db": {SecretString: aws.String("one")},
		"bytes":  {SecretBinary: []byte{0, 255, 62, 63}},
	} {
		in.Name = &name
		s.put(t, &in)
	}
	s.rewrite(t, "json", `{"user":"app","password":"<&>"}`)
	s.rewrite(t, "app/db", "two")
	for _, p := range []ssm.PutParameterInput{
		{Name: aws.String("/app/host"), Type: types.ParameterTypeString, Value: aws.String("one")},
		{Name: aws.String("/app/host"), Type: types.ParameterTypeString, Value: aws.String("two"), Overwrite: aws.Bool(true)},
		{Name: aws.String("/app/key"), Type: types.ParameterTypeSecureString, Value: aws.String("open")},
	} {
		if _, err := c.parameters.PutParameter(t.Context(), &p); err != nil {
			t.Fatal(err)
		}
	}
	label := &ssm.LabelParameterVersionInput{Name: aws.String("/app/host"), ParameterVersion: aws.Int64(1), Labels: []string{"Dev"}}
	if _, err := c.parameters.LabelParameterVersion(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	c.learn(t)
	return c
}

func (s *store) rewrite(t *testing.T, name, text string) {
	t.Helper()
	if _, err := s.direct.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text}); err != nil {
		t.Fatal(err)
	}
}

// learn asks the SDK for what the rows compare with.
func (c *cloud) learn(t *testing.T) {
	t.Helper()
	for stage, id := range map[string]string{"AWSCURRENT": "current", "AWSPREVIOUS": "previous"} {
		out, err := c.direct.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db"), VersionStage: &stage})
		if err != nil {
			t.Fatal(err)
		}
		c.made[id] = *out.VersionId
		if stage == "AWSCURRENT" {
			c.made["arn"], c.made["escaped arn"] = *out.ARN, strings.NewReplacer(":", "%3A", "/", "%2F").Replace(*out.ARN)
			c.made["partial arn"] = (*out.ARN)[:len(*out.ARN)-7]
			c.made["created"] = marshalled(t, out.CreatedDate)
			c.made["epoch"] = strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%09d", out.CreatedDate.Unix(), out.CreatedDate.Nanosecond()), "0"), ".")
		}
	}
	out, err := c.parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/app/host")})
	if err != nil {
		t.Fatal(err)
	}
	c.made["modified"] = marshalled(t, out.Parameter.LastModifiedDate)
}

func (c *cloud) fill(text string) string {
	for name, made := range c.made {
		text = strings.ReplaceAll(text, "{"+name+"}", made)
	}
	return text
}

// conformance holds the binary against every row, and keeps the table.
func (c *cloud) conformance(t *testing.T) {
	b := start(t, c.env("LARDER_SECRETS", "app/db ssm:/app/host", "LARDER_ROLES", "arn:aws:iam::123456789012:role/reader"), nil).init()
	for _, row := range behaviours {
		t.Run(row.whose+": "+row.says, func(t *testing.T) { row.hold(t, b, c) })
	}
	var table strings.Builder
	fmt.Fprintf(&table, "# What clients of AWS's two agents rely on\n\nEach of these %d rows is a request to the built extension over a socket, against a local AWS; those marked\nhold with the secrets file too. A test repeats them and renews this table with `UPDATE_CONFORMANCE=1`.\n\n| Whose | Behaviour | Request | Answer | File |\n|---|---|---|---|---|\n", len(behaviours))
	for _, row := range behaviours {
		fmt.Fprintln(&table, row)
	}
	if os.Getenv("UPDATE_CONFORMANCE") != "" {
		if err := os.WriteFile(conformancePath, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(conformancePath); err != nil || string(text) != table.String() {
		t.Errorf("%s is not the table of these rows (%v): renew it with UPDATE_CONFORMANCE=1 make integration", conformancePath, err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if count := fmt.Sprintf("%d behaviours", len(behaviours)); err != nil || !strings.Contains(string(readme), count) {
		t.Errorf("the README does not say %q", count)
	}
}

func (r behaviour) String() string {
	answer := fmt.Sprint(r.status)
	if detail := cmp.Or(r.body, r.has, r.headers); detail != "" {
		answer += " `" + strings.ReplaceAll(detail, "|", `\|`) + "`"
	}
	file := ""
	if r.file {
		file = "yes"
	}
	return fmt.Sprintf("| AWS's %s | %s | `%s %s` | %s | %s |", strings.Replace(r.whose, "both", "two", 1), r.says, cmp.Or(r.method, "GET"), r.target, answer, file)
}

func (r behaviour) hold(t *testing.T, b *bench, c *cloud) {
	if r.fault != nil {
		c.Always("GetSecretValue", r.fault)
		defer c.On("GetSecretValue", nil)
		b = start(t, c.env(), nil).init() // of its own: the backend is down for what asks it next
	}
	r.expect(t, r.send(t, b, c), c)
}

// send writes the request as it stands.
func (r behaviour) send(t *testing.T, b *bench, c *cloud) *http.Response {
	t.Helper()
	address := net.JoinHostPort(cmp.Or(r.over, "127.0.0.1"), b.port)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		if r.over == "::1" {
			t.Skipf("no IPv6 here: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	lines := r.header
	if lines == nil {
		lines = []string{tokenLine}
	}
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", cmp.Or(r.method, "GET"), c.fill(r.target), address, strings.Join(append(lines, ""), "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (r behaviour) expect(t *testing.T, resp *http.Response, c *cloud) {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != r.status {
		t.Errorf("status %d, want %d: %s", resp.StatusCode, r.status, body)
	}
	if want := c.fill(r.body); want != "" && string(body) != want {
		t.Errorf("the body\n     %s\nwant %s", body, want)
	}
	if want := c.fill(r.has); !strings.Contains(string(body), want) {
		t.Errorf("the body lacks %s: %s", want, body)
	}
	if name, value, ok := strings.Cut(r.headers, ": "); ok && (len(resp.Header[name]) == 0 || !strings.HasPrefix(resp.Header.Get(name), value)) {
		t.Errorf("header %v, want %s", resp.Header, r.headers)
	}
	if resp.StatusCode != 200 && strings.Contains(string(body), "SecretString") {
		t.Errorf("an error that could be taken for a value: %s", body)
	}
	if resp.Header.Get("Content-Type") == "" {
		t.Error("no Content-Type")
	}
}

// path: what is under a path is there at INIT, at every endpoint, by one call.
func (c *cloud) path(t *testing.T) {
	c.Forget()
	b := start(t, c.env("LARDER_SECRETS", "ssm:/app/*", "LARDER_ALLOW", "listed"), nil).init()
	answers := b.ask(
		request{Path: "/secret?name=ssm:/app/host"}, request{Path: "/systemsmanager/parameters/get?name=/app/host"},
		request{Path: "/systemsmanager/parameters/get?name=/app/key&withDecryption=true"}, request{Path: "/secret?name=ssm:/other"},
	)
	answers[0].expect(t, http.StatusOK, "two")
	answers[1].expect(t, http.StatusOK, `"Value":"two"`)
	answers[2].expect(t, http.StatusOK, `"Value":"open"`)
	answers[3].expect(t, http.StatusForbidden, "LARDER_SECRETS")
	c.expectCalls(t, map[string]int{"GetParametersByPath": 1})
}

// conformanceOfFile holds the rows that the file backend has too.
func (c *cloud) conformanceOfFile(t *testing.T) {
	b := start(t, with(secretsFile(t, `{"app/db": "two", "/app/host": "two"}`), "LARDER_ALLOW", "any"), nil).init()
	resp := behaviour{target: "/secretsmanager/get?secretId=app/db"}.send(t, b, c)
	file := &cloud{made: map[string]string{}}
	decode(t, resp.Body, file.made)
	for _, row := range behaviours {
		if row.file {
			t.Run(row.whose+": "+row.says, func(t *testing.T) { row.expect(t, row.send(t, b, file), file) })
		}
	}
}
