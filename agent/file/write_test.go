package file_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/file"
)

// planted is a value that no error may quote.
const planted = "hunter2-PLANTED-value"

// secrets is a secrets file and the backend that reads it.
type secrets struct {
	t       testing.TB
	path    string
	backend agent.Backend
}

// write returns the backend of a file that holds text.
func write(t testing.TB, text string) *secrets {
	t.Helper()
	s := at(t, filepath.Join(t.TempDir(), "secrets.json"))
	s.overwrite(text)
	return s
}

// at returns the backend of the file at path, whatever is there.
func at(t testing.TB, path string) *secrets {
	t.Helper()
	backend, err := file.Source(path).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &secrets{t: t, path: path, backend: backend}
}

// overwrite changes the file where it is.
func (s *secrets) overwrite(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// replace puts another file in its place.
func (s *secrets) replace(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.path+".new", s.path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *secrets) get(ref agent.Reference) (*agent.Secret, error) {
	return fetch(s.t, s.backend, ref)
}

// fetch asks backend for ref. No error may quote a value, wherever it comes from.
func fetch(t testing.TB, backend agent.Backend, ref agent.Reference) (*agent.Secret, error) {
	t.Helper()
	var got []agent.Result
	backend.Fetch(context.Background(), []agent.Reference{ref}, func(i int, r agent.Result) { got = append(got, r) })
	if len(got) != 1 {
		t.Fatalf("%d answers to one question", len(got))
	}
	if err := got[0].Err; err != nil {
		if strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("the error quotes the value: %v", err)
		}
		return nil, err
	}
	return got[0].Secret, nil
}

// want fails the test unless the secret called name is value.
func (s *secrets) want(name, value string) *agent.Secret {
	s.t.Helper()
	secret, err := s.get(named(name))
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if got := string(secret.Value.Reveal()); got != value {
		s.t.Fatalf("%s = %q, want %q", name, got, value)
	}
	return secret
}

// wantError fails the test unless asking for name fails as expected.
func (s *secrets) wantError(name string, kind agent.Kind, code string, says ...string) {
	s.t.Helper()
	_, err := s.get(named(name))
	if err == nil {
		s.t.Fatalf("%s: no error, want %v", name, kind)
	}
	if e := agent.AsError(err); e.Kind != kind || e.Code != code {
		s.t.Errorf("%s: %v (%v, %s); want %v, %s", name, err, e.Kind, e.Code, kind, code)
	}
	for _, say := range says {
		if !strings.Contains(err.Error(), say) {
			s.t.Errorf("%s: %q does not say %q", name, err, say)
		}
	}
}

func named(id string) agent.Reference { return agent.Reference{Scheme: "file", ID: id} }
