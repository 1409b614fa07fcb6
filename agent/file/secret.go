package file

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/larder-secrets/larder/agent"
)

const current = "AWSCURRENT"

// secret answers one reference.
func (c *contents) secret(ref agent.Reference) (*agent.Secret, error) {
	name, raw, ok := c.find(ref.ID)
	if !ok {
		return nil, &agent.Error{
			Kind: agent.NotFound, Status: 404, Code: "ResourceNotFoundException",
			Message: fmt.Sprintf("secret %q is not in %s", ref.ID, c.path),
			Hint:    fmt.Sprintf("add a line %q: \"the value\"", ref.ID),
		}
	}
	value := agent.MemberText(raw)
	if len(value) == 0 || string(raw) == "null" {
		line, column := c.position(name)
		return nil, &agent.Error{
			Kind: agent.Invalid, Status: 400, Code: "EmptySecret",
			Message: fmt.Sprintf("secret %q is empty in %s, line %d, column %d", name, c.path, line, column),
			Hint:    "write its value there, as a string or as JSON",
		}
	}
	s := &agent.Secret{
		Name:    name,
		ARN:     arn(name),
		Version: version(name, value),
		Stages:  []string{current},
		Created: c.modified,
		Value:   agent.NewValue(value),
		Aliases: []agent.Reference{{Scheme: ref.Scheme, ID: arn(name)}, {Scheme: ref.Scheme, ID: name}, ref},
	}
	if err := c.checkVersion(ref, s); err != nil {
		return nil, err
	}
	return s, nil
}

// find looks an ID up: as it stands, and where it is an ARN of Secrets Manager or
// of Parameter Store, as a function may have it in its environment, by the name
// within. Parameter Store's name for a secret leads to the secret.
func (c *contents) find(id string) (name string, raw json.RawMessage, ok bool) {
	inARN, parameter := nameInARN(id), parameterInARN(id)
	short, _ := agent.CutSuffix(inARN)
	for _, name := range []string{
		id, inARN, short,
		parameter, strings.TrimPrefix(parameter, "/"), strings.TrimPrefix(id, "/aws/reference/secretsmanager/"),
	} {
		if raw, ok := c.members[name]; ok && name != "" {
			return name, raw, true
		}
	}
	return "", nil, false
}

func nameInARN(id string) string {
	parts := strings.SplitN(id, ":", 7)
	if len(parts) != 7 || parts[0] != "arn" || parts[2] != "secretsmanager" || parts[5] != "secret" {
		return ""
	}
	return parts[6]
}

// parameterInARN is the name of a parameter with a slash before it, which its
// ARN does not tell apart from one without.
func parameterInARN(id string) string {
	parts := strings.SplitN(id, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "ssm" {
		return ""
	}
	name, ok := strings.CutPrefix(parts[5], "parameter/")
	if !ok {
		return ""
	}
	return "/" + name
}

// checkVersion accepts what a file can have: one version, the current one. A
// role means nothing here and is accepted, so that local code is the same code.
func (c *contents) checkVersion(ref agent.Reference, s *agent.Secret) error {
	query, err := url.ParseQuery(ref.Query)
	if err != nil {
		return &agent.Error{Kind: agent.Invalid, Status: 400, Code: "InvalidRequest", Message: fmt.Sprintf("secret %q: the query cannot be read", s.Name)}
	}
	for name, given := range query {
		known := name == "roleArn" || name == "versionStage" || name == "versionId" || name == "version" || name == "label"
		if !known {
			return &agent.Error{
				Kind: agent.Invalid, Status: 400, Code: "InvalidRequest",
				Message: fmt.Sprintf("secret %q: unknown parameter %q", s.Name, name), Hint: "the file backend knows versionStage, versionId, version, label and roleArn",
			}
		}
		if name == "versionStage" && given[0] != current || name == "versionId" && given[0] != s.Version || name == "version" && given[0] != "1" || name == "label" {
			return &agent.Error{
				Kind: agent.NotFound, Status: 404, Code: "ResourceNotFoundException",
				Message: fmt.Sprintf("secret %q has no %s %q in %s", s.Name, name, given[0], c.path), Hint: "a file holds only " + current,
			}
		}
	}
	return nil
}

// position returns where a member's value stands in the file.
func (c *contents) position(name string) (line, column int) {
	d := json.NewDecoder(bytes.NewReader(c.text))
	d.Token() // {
	for d.More() {
		member, err := d.Token()
		var raw json.RawMessage
		if err != nil || d.Decode(&raw) != nil {
			break // cannot be: the text has been parsed before
		}
		if member == name {
			before := c.text[:d.InputOffset()-int64(len(raw))]
			return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
		}
	}
	return 0, 0
}

// arn makes a name look as it does in Secrets Manager, to clients that expect it.
func arn(name string) string {
	digest := sha256.Sum256([]byte(name))
	return fmt.Sprintf("arn:aws:secretsmanager:us-east-1:000000000000:secret:%s-%x", name, digest[:3])
}

// versionKey keeps a version, which is public, from telling what the value is:
// a bare hash of a short value can be searched for.
var versionKey = sync.OnceValue(rand.Text)

// version is a UUID, as in Secrets Manager, that changes with the value.
func version(name string, value []byte) string {
	mac := hmac.New(sha256.New, []byte(versionKey()))
	fmt.Fprintf(mac, "%d:%s", len(name), name)
	mac.Write(value)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
