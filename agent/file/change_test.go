package file_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/synctest"
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

// TestHalfWritten: within the bubble time passes only when all wait, so that the
// file is whole again after the first look at it and before the second.
func TestHalfWritten(t *testing.T) {
	for _, half := range []string{"", `{"a": "on`, `{"a": "one"`} {
		synctest.Test(t, func(t *testing.T) {
			s := write(t, half)
			var secret *agent.Secret
			var err error
			go func() { secret, err = s.get(named("a")) }()
			synctest.Wait()
			s.overwrite(`{"a": "one"}`)
			time.Sleep(time.Second)
			synctest.Wait()
			if err != nil || secret == nil || string(secret.Value.Reveal()) != "one" {
				t.Errorf("%q: %v, want the value", half, err)
			}
		})
	}
}

func TestWaitsOnlyWhereAFileMayBeHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := write(t, `{"a": `)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(s.path, old, old); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s.wantError("a", agent.Invalid, "InvalidFile")
		s.overwrite(`{"a": "one"}`)
		s.want("a", "one")
		at(t, s.path+".none").wantError("a", agent.NotFound, "FileNotFound")
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited %v for a file that nobody writes", waited)
		}
		s.overwrite("")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.backend.Fetch(ctx, []agent.Reference{named("a")}, func(int, agent.Result) {})
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited %v though the read was cancelled", waited)
		}
	})
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
