package file_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/larder-secrets/larder/agent"
)

// says is all that is ever said about the secret "a" of a file at PATH: nothing
// that stands in the file.
var says = regexp.MustCompile(`^secret "a"(` +
	` is not in PATH: add a line "a": "the value"|` +
	` is empty in PATH, line (\d+), column (\d+): write its value there, as a string or as JSON|` +
	`: PATH: line (\d+), column (\d+): [a-zA-Z0-9 ,-]+: the file is one JSON object such as \{"my-api-key": "the value"\})$`)

func FuzzFile(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		s := write(t, string(text))
		old := time.Now().Add(-time.Hour) // so that nobody seems to be writing it
		if err := os.Chtimes(s.path, old, old); err != nil {
			t.Fatal(err)
		}
		text = bytes.TrimPrefix(text, []byte("\uFEFF"))
		secret, err := s.get(named("a"))
		if err != nil {
			wantSaid(t, text, strings.ReplaceAll(err.Error(), s.path, "PATH"))
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("what is not JSON is served: %v", err)
		}
		value := string(members["a"])
		if strings.HasPrefix(value, `"`) {
			json.Unmarshal(members["a"], &value)
		}
		if got := string(secret.Value.Reveal()); got == "" || got != value || !utf8.ValidString(got) {
			t.Errorf("the value is %q, want %q", got, value)
		}
		if again, err := s.get(named(secret.ARN)); err != nil || again.Version != secret.Version || again.Name != "a" {
			t.Errorf("by its ARN %s: %v", secret.ARN, err)
		}
		line, err := json.Marshal(map[string]string{"a": value})
		if text := strings.HasPrefix(string(members["a"]), `"`); !text || err != nil || len(line) > 1<<20 {
			return
		}
		if alone := write(t, string(line)).want("a", value); alone.Version != secret.Version {
			t.Errorf("the value %q has another version in another file", value)
		}
	})
}

// wantSaid fails t unless the error message says fixed words about a place that
// is in text.
func wantSaid(t *testing.T, text []byte, message string) {
	t.Helper()
	said := says.FindStringSubmatch(message)
	if said == nil {
		t.Fatalf("the error says %q", message)
	}
	lines := bytes.Split(text, []byte("\n"))
	for at := 2; at < len(said); at += 2 {
		if said[at] == "" {
			continue
		}
		line, _ := strconv.Atoi(said[at])
		column, _ := strconv.Atoi(said[at+1])
		if line < 1 || line > len(lines) || column < 1 || column > len(lines[line-1])+1 {
			t.Fatalf("%q is not in %q", message, text)
		}
		rest := lines[line-1][column-1:]
		if at == 2 && !bytes.HasPrefix(rest, []byte(`""`)) && !bytes.HasPrefix(rest, []byte("null")) {
			t.Errorf("%q leads to %q", message, rest)
		}
	}
}

// FuzzReference asks a file for what a request may name.
func FuzzReference(f *testing.F) {
	members := map[string]string{"a": "one", "b-123456": "two", "path/to:it": "three", "arn:aws:secretsmanager:r:1:secret:whole-abcdef": "four", "": "nameless"}
	text, err := json.Marshal(members)
	if err != nil {
		f.Fatal(err)
	}
	s := write(f, string(text))
	f.Fuzz(func(t *testing.T, id, query string) {
		secret, err := fetch(t, s.backend, agent.Reference{Scheme: "file", ID: id, Query: query})
		if err != nil {
			if kind := agent.AsError(err).Kind; secret != nil || kind != agent.NotFound && kind != agent.Invalid {
				t.Errorf("%q?%q: %v, %v", id, query, secret, err)
			}
			for _, value := range members {
				if strings.Contains(err.Error(), value) && !strings.Contains(id+query, value) {
					t.Errorf("%q?%q: the error quotes a value: %v", id, query, err)
				}
			}
			return
		}
		named := id == secret.Name || strings.HasPrefix(id, "arn:") && regexp.MustCompile(`:secret:`+regexp.QuoteMeta(secret.Name)+`(-[A-Za-z0-9]{6})?$`).MatchString(id)
		if !named || secret.Name == "" || string(secret.Value.Reveal()) != members[secret.Name] {
			t.Errorf("%q is answered with %q", id, secret.Name)
		}
		for _, alias := range secret.Aliases {
			if again, err := fetch(t, s.backend, alias); err != nil || again.Name != secret.Name {
				t.Errorf("%q has the alias %q, which is not it: %v", id, alias, err)
			}
		}
	})
}
