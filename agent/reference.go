package agent

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reference names a secret: where it lives, what it is called there, and which
// version of it is meant. It is comparable; two references that are equal name
// the same secret. Two that differ may still do so, which only the backend's
// answer tells: see [Secret.Aliases].
type Reference struct {
	Scheme string // the backend: aws, file
	ID     string // the name or ARN, exactly as the store knows it
	Query  string // the backend's own parameters, canonical: see [CanonicalQuery]
}

// Spec is a reference as a configuration writes it, with what concerns the
// configuration alone.
type Spec struct {
	Reference
	Key      string // one top-level name of a JSON secret; empty: the whole value
	Optional bool   // its absence is not a failure
}

// ParseSpec reads
//
//	[scheme:]id[?query][#key][?]
//
// The query goes to the backend (versionStage=AWSPREVIOUS, roleArn=…), the key
// is taken literally, and a trailing ? marks the secret optional. An ARN's
// service decides the scheme; anything else without one gets scheme. None of
// ?, # and : can occur in the stores' own names.
func ParseSpec(text, scheme string) (Spec, error) {
	if name, _, _ := strings.Cut(text, "#"); strings.Contains(name, "-??????") {
		return Spec{}, errors.New("this is an IAM pattern, not an ARN: leave out the trailing -?????? or write the whole ARN")
	}
	rest, optional := strings.CutSuffix(text, "?")
	rest, key, keyed := strings.Cut(rest, "#")
	rest, query, queried := strings.Cut(rest, "?")
	switch {
	case keyed && key == "":
		return Spec{}, errors.New("there is no name after the #")
	case queried && query == "":
		return Spec{}, errors.New("there is nothing after the ?: the mark of an optional secret goes to the very end")
	}
	ref, err := ParseName(rest, scheme)
	if err != nil {
		return Spec{}, err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Spec{}, errors.New("the part after the ? is not a query such as versionStage=AWSPREVIOUS")
	}
	if ref.Query, err = CanonicalQuery(values); err != nil {
		return Spec{}, err
	}
	return Spec{Reference: ref, Key: key, Optional: optional}, nil
}

// ParseName reads [scheme:]id, which is all of the grammar that a request may
// use: a request's other parameters never pass through it.
func ParseName(text, scheme string) (Reference, error) {
	id := text
	if service, ok := arnService(text); ok {
		if scheme, ok = arnSchemes[service]; !ok {
			return Reference{}, fmt.Errorf("an ARN of %q is not one of a secret: use one of secretsmanager or ssm", service)
		}
	} else if before, after, ok := strings.Cut(text, ":"); ok {
		scheme, id = before, after
	}
	switch {
	case id == "":
		return Reference{}, errors.New("there is no name")
	case !isScheme(scheme):
		return Reference{}, fmt.Errorf("%q is not a scheme: use lower-case letters and digits, as in aws:name", scheme)
	case !utf8.ValidString(id):
		return Reference{}, errors.New("a name must be valid UTF-8")
	case strings.ContainsFunc(id, isControlOrSpace):
		return Reference{}, errors.New("a name cannot hold white space or control characters")
	case strings.ContainsAny(id, "?#"):
		return Reference{}, errors.New("a name cannot hold ? or #")
	}
	return Reference{Scheme: scheme, ID: id}, nil
}

// String writes the reference as a configuration would.
func (r Reference) String() string {
	if r.Query == "" {
		return r.Scheme + ":" + r.ID
	}
	return r.Scheme + ":" + r.ID + "?" + r.Query
}

// CanonicalQuery writes each parameter once, sorted and escaped, so that equal
// questions are equal strings. A parameter given twice or without a value is an
// error.
func CanonicalQuery(values url.Values) (string, error) {
	for name, given := range values {
		switch {
		case len(given) > 1:
			return "", fmt.Errorf("%q is given more than once", name)
		case name == "" || given[0] == "":
			return "", fmt.Errorf("%q has no value", name)
		}
	}
	return values.Encode(), nil
}

// arnSchemes tells the backend from an ARN's service.
var arnSchemes = map[string]string{"secretsmanager": "aws", "ssm": "ssm"}

// CutSuffix cuts off what Secrets Manager adds to a name to make an ARN of it, a
// hyphen and six characters (API reference, CreateSecret), and reports whether
// there was what looks like it.
func CutSuffix(id string) (string, bool) {
	const length = len("-abc123")
	start := len(id) - length
	if start < 0 || id[start] != '-' {
		return id, false
	}
	for _, c := range []byte(id[start+1:]) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return id, false
		}
	}
	return id[:start], true
}

// arnService returns the service of arn:partition:service:….
func arnService(text string) (string, bool) {
	parts := strings.SplitN(text, ":", 4)
	if len(parts) < 4 || parts[0] != "arn" {
		return "", false
	}
	return parts[2], true
}

func isScheme(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func isControlOrSpace(c rune) bool { return c == ' ' || unicode.IsControl(c) }
