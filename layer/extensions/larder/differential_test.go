//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/middleware"
)

// marshalled is a time as encoding/json writes it.
func marshalled(t *testing.T, at *time.Time) string {
	t.Helper()
	text, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(text), `"`)
}

// decode reads what stands for {…} from a secret's body.
func decode(t *testing.T, body io.Reader, made map[string]string) {
	t.Helper()
	var out secretsmanager.GetSecretValueOutput
	if err := json.NewDecoder(body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	made["arn"], made["current"], made["created"] = *out.ARN, *out.VersionId, marshalled(t, out.CreatedDate)
	made["escaped arn"] = strings.NewReplacer(":", "%3A", "/", "%2F").Replace(*out.ARN)
	made["epoch"] = strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%09d", out.CreatedDate.Unix(), out.CreatedDate.Nanosecond()), "0"), ".")
}

// differential compares a thousand requests with what the SDK makes of the same
// question: byte for byte where it answers, in status and type where it fails.
func (c *cloud) differential(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	b := start(t, c.env(), nil).init()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	values := 0
	for range 1000 {
		path, ask := c.anySecret(random)
		if random.IntN(2) == 0 {
			path, ask = c.anyParameter(random)
		}
		want, err := ask(t)
		status, _, answer := b.direct(client, path)
		body := string(answer)
		if err != nil {
			if status != http.StatusBadRequest && status != http.StatusTooManyRequests || strings.Contains(body, `"ARN"`) {
				t.Errorf("%s: status %d %s, and the SDK: %v", path, status, body, err)
			}
			continue
		}
		values++
		if status != http.StatusOK || body != want {
			t.Errorf("%s: status %d\n got %s\nwant %s", path, status, body, want)
		}
		strict(t, path, body)
	}
	if values < 300 {
		t.Errorf("only %d of them were values: this proves little", values)
	}
}

// strict parses the body into the SDK's own type, which must know every member.
func strict(t *testing.T, path, body string) {
	t.Helper()
	var into any = &secretsmanager.GetSecretValueOutput{}
	if strings.HasPrefix(path, "/systemsmanager/") {
		into = &ssm.GetParameterOutput{}
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s: %v: %s", path, err, body)
	}
}

type question func(t *testing.T) (body string, err error)

func pickOne(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }

// written adds a parameter to a query, escaped or as it stands.
func written(random *rand.Rand, name, value string) string {
	if random.IntN(2) == 0 {
		return name + "=" + value
	}
	return name + "=" + url.QueryEscape(value)
}

func (c *cloud) anySecret(random *rand.Rand) (path string, ask question) {
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(pickOne(random, "app/db", c.made["arn"], c.made["partial arn"], "bytes", "json", "secret-00", "none", "deleted"))}
	parts := []string{written(random, "secretId", *in.SecretId)}
	switch random.IntN(4) {
	case 0:
		in.VersionStage = aws.String(pickOne(random, "AWSCURRENT", "AWSPREVIOUS", "NONE"))
		parts = append(parts, written(random, "versionStage", *in.VersionStage))
	case 1:
		in.VersionId = aws.String(pickOne(random, c.made["current"], c.made["previous"]))
		parts = append(parts, written(random, "versionId", *in.VersionId))
	}
	random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	if in.VersionStage == nil && in.VersionId == nil {
		in.VersionStage = aws.String("AWSCURRENT") // which moto takes for another where it is not said
	}
	return "/secretsmanager/get?" + strings.Join(parts, "&"), func(t *testing.T) (string, error) {
		out, err := c.direct.GetSecretValue(t.Context(), in)
		if err != nil {
			return "", err
		}
		out.ResultMetadata = middleware.Metadata{} // what the call itself took
		return text(t, out), nil
	}
}

func (c *cloud) anyParameter(random *rand.Rand) (path string, ask question) {
	name := pickOne(random, "/app/host", "/app/key", "arn:aws:ssm:us-east-1:123456789012:parameter/app/host", "/none")
	parts := []string{written(random, "name", name)}
	in := &ssm.GetParameterInput{Name: &name}
	selector := ""
	switch random.IntN(4) {
	case 0:
		version := pickOne(random, "1", "2", "9")
		parts, selector = append(parts, written(random, "version", version)), ":"+version
	case 1:
		label := pickOne(random, "Dev", "Test")
		parts, selector = append(parts, written(random, "label", label)), ":"+label
	}
	in.Name = aws.String(name + selector)
	if random.IntN(2) == 0 {
		parts = append(parts, written(random, "withDecryption", pickOne(random, "true", "True")))
		in.WithDecryption = aws.Bool(true)
	}
	random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "/systemsmanager/parameters/get" + pickOne(random, "", "/") + "?" + strings.Join(parts, "&"), func(t *testing.T) (string, error) {
		out, err := c.parameters.GetParameter(t.Context(), in)
		if err != nil {
			return "", err
		}
		out.ResultMetadata = middleware.Metadata{}
		if selector != "" {
			out.Parameter.Selector = &selector // which moto leaves out, and the service does not
		}
		return text(t, out), nil
	}
}

func text(t *testing.T, out any) string {
	t.Helper()
	body, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// otherLanguages has the JSON of Python and of Node.js read the bodies.
func (c *cloud) otherLanguages(t *testing.T) {
	b := start(t, c.env(), nil).init()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for path, member := range map[string]string{
		"/secretsmanager/get?secretId=json": "SecretString", "/v1/json": "SecretString", "/systemsmanager/parameters/get?name=/app/host": "Parameter",
	} {
		_, _, body := b.direct(client, path)
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		for name, script := range map[string][]string{
			"python3": {"-c", `import json, sys; print(json.dumps(json.load(sys.stdin)[sys.argv[1]], sort_keys=True, separators=(",", ":")), end="")`},
			"node":    {"-e", `const o = JSON.parse(require("fs").readFileSync(0))[process.argv[1]]; process.stdout.write(JSON.stringify(o, o instanceof Object ? Object.keys(o).sort() : undefined))`},
		} {
			t.Run(name+" "+path, func(t *testing.T) {
				program, err := exec.LookPath(name)
				if err != nil {
					t.Skip(err)
				}
				cmd := exec.CommandContext(t.Context(), program, append(script, member)...)
				cmd.Stdin = bytes.NewReader(body)
				out, err := cmd.Output()
				var got any
				if err == nil {
					err = json.Unmarshal(out, &got)
				}
				if err != nil || text(t, got) != text(t, want[member]) {
					t.Errorf("%s, %v; want %s", out, err, text(t, want[member]))
				}
			})
		}
	}
}
