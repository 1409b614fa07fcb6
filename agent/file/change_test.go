package file_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestChangesAreSeen(t *testing.T) {
	hour := func(s *secrets) {
		info, err := os.Stat(s.path)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.Chtimes(s.path, time.Time{}, info.ModTime().Add(time.Hour)); err != nil {
			s.t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		change func(s *secrets)
	}{
		{"another file in its place", func(s *secrets) { s.replace(`{"a": "two"}`) }},
		{"another size", func(s *secrets) { s.overwrite(`{"a": "two" }`) }},
		{"the same size, later", func(s *secrets) { s.overwrite(`{"a": "two"}`); hour(s) }},
		{"the same size, at once", func(s *secrets) { s.overwrite(`{"a": "two"}`) }},
		{"the same size, within a tick of the clock", func(s *secrets) {
			info, err := os.Stat(s.path)
			if err != nil {
				s.t.Fatal(err)
			}
			s.overwrite(`{"a": "two"}`)
			if err := os.Chtimes(s.path, time.Time{}, info.ModTime()); err != nil {
				s.t.Fatal(err)
			}
		}},
		{"removed and written again", func(s *secrets) {
			os.Remove(s.path)
			s.wantError("a", agent.NotFound, "FileNotFound")
			s.overwrite(`{"a": "two"}`)
		}},
		{"broken and repaired", func(s *secrets) {
			s.overwrite(`{"a": `)
			s.wantError("a", agent.Invalid, "InvalidFile")
			s.overwrite(`{"a": "two"}`)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := write(t, `{"a": "one"}`)
			first := s.want("a", "one")
			test.change(s)
			if second := s.want("a", "two"); second.Version == first.Version {
				t.Error("the version is that of the old value")
			}
		})
	}
}

func TestVersionBelongsToTheValue(t *testing.T) {
	s := write(t, `{"a": "one", "b": "one", "n": 1, "t": "1"}`)
	a, b := s.want("a", "one").Version, s.want("b", "one").Version
	if a == b {
		t.Error("two secrets share a version, which tells that their values are the same")
	}
	s.replace(`{ "b": "two", "a": "one" }`)
	if again := s.want("a", "one").Version; again != a {
		t.Errorf("the version went from %s to %s with the value the same", a, again)
	}
	if s.want("b", "two").Version == b {
		t.Error("the version stayed with another value")
	}
	s.replace(`{"b": "one"}`)
	if again := at(t, s.path).want("b", "one").Version; again != b {
		t.Errorf("another backend of this process says %s, want %s", again, b)
	}
	if len(a) != 36 || a[8] != '-' || a[23] != '-' {
		t.Errorf("version %q does not look like Secrets Manager's", a)
	}
}

func TestFetchManyAtOnce(t *testing.T) {
	s := write(t, `{"a": "one", "b": "two"}`)
	refs := []agent.Reference{named("a"), named("none"), named("b"), named("a")}
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			got := make([]agent.Result, len(refs))
			s.backend.Fetch(t.Context(), refs, func(i int, r agent.Result) { got[i] = r })
			if got[1].Err == nil || got[0].Secret.Name != "a" || got[2].Secret.Name != "b" || got[3].Secret.Name != "a" {
				t.Errorf("got %v", got)
			}
		})
	}
	readers.Wait()
}
