package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/file"
)

func TestBadText(t *testing.T) {
	tests := []struct {
		name, text string
		says       string
	}{
		{"nothing", "", "line 1, column 1: this is not valid JSON"},
		{"no JSON", planted, "line 1, column 1: this is not valid JSON"},
		{"a bare value", "{\n  \"a\": " + planted + "\n}", "line 2, column 8: this is not valid JSON"},
		{"a missing quote", "{\n  \"a\": \"" + planted + "\n}", "line 2, column 30: this is not valid JSON"},
		{"a comma too many", "{\n  \"a\": \"" + planted + "\",\n}\n", "line 3, column 1: this is not valid JSON"},
		{"lines that end as on Windows", "{\r\n  \"a\": x\r\n}", "line 2, column 8: this is not valid JSON"},
		{"an array", `["` + planted + `"]`, "line 1, column 1: this is JSON but not an object"},
		{"null", "\nnull", "line 2, column 1: this is JSON but not an object"},
		{"a name twice", "{\n  \"a\": \"x\",\n  \"a\": \"" + planted + "\"\n}", "line 3, column 3: this name stands twice"},
		{"a name twice, within", "{\"o\": {\"a\": 1,\n \"a\": \"" + planted + "\"}}", "line 2, column 2: this name stands twice"},
		{"after a byte order mark", "\uFEFF{\"a\": " + planted + "}", "line 1, column 7: this is not valid JSON"},
		{"two byte order marks", "\uFEFF\uFEFF{}", "line 1, column 1: this is not valid JSON"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "line 1, column 1: this is not valid UTF-8"},
		{"half a surrogate pair", "{\n  \"b\": 1,\n  \"a\": \"" + planted + `\ud800"}`, "line 3, column 30: this escape is one half of a surrogate pair"},
		{"Latin-1", "{\"a\": \"" + planted + "\xe4\"}", "line 1, column 29: this is not valid UTF-8"},
		{"too deep", `{"a": ` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + "}", "column 70: nested deeper than 64 levels"},
		{"too long", `{"a": "` + strings.Repeat("x", 1<<20) + `"}`, "longer than 1048576 bytes"},
		{"much too long", `{"a": "` + strings.Repeat("x", 4<<20) + `"}`, "longer than 1048576 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := write(t, test.text)
			s.wantError("a", agent.Invalid, "InvalidFile", `"a"`, s.path, test.says, file.Example)
		})
	}
}

func TestByteOrderMark(t *testing.T) {
	write(t, "\uFEFF{\"a\": \"one\"}").want("a", "one")
}

func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	at(t, filepath.Join(dir, "none.json")).wantError("a", agent.NotFound, "FileNotFound", `"a"`, "none.json", "there is no such file", file.Example, "LARDER_FILE")
	at(t, dir).wantError("a", agent.Invalid, "InvalidFile", `"a"`, dir, "not a regular file", "LARDER_FILE")
	at(t, "").wantError("a", agent.NotFound, "FileNotFound")
	s := write(t, `{"a": "`+planted+`"}`)
	at(t, s.path+"/below").wantError("a", agent.Invalid, "InvalidFile", "not a directory")
}

func TestForbiddenFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	s := write(t, `{"a": "`+planted+`"}`)
	if err := os.Chmod(s.path, 0); err != nil {
		t.Fatal(err)
	}
	s.wantError("a", agent.Denied, "FileDenied", `"a"`, s.path, "readable")
}

func TestHomeDirectory(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.Mkdir(filepath.Join(home, ".wing"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".wing", "secrets.json"), []byte(`{"a": "one"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	at(t, "~/.wing/secrets.json").want("a", "one")
	for path, want := range map[string]string{"~/x": filepath.Join(home, "x"), "/~/x": "/~/x", "~": "~", "~user/x": "~user/x", "x/~/y": "x/~/y", "": ""} {
		if got, err := file.Expand(path); err != nil || got != want {
			t.Errorf("Expand(%q) = %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestWithoutHomeDirectory(t *testing.T) {
	t.Setenv("HOME", "")
	if _, err := file.Expand("/x"); err != nil {
		t.Errorf("Expand(/x): %v", err)
	}
	_, err := file.Source("~/x").Open(t.Context())
	if err == nil || agent.AsError(err).Kind != agent.Invalid || !strings.Contains(err.Error(), "LARDER_FILE") {
		t.Errorf("Open: %v", err)
	}
}

func TestSourceListsNothing(t *testing.T) {
	if s := file.Source("x"); !s.Unlisted || s.TTL != 0 {
		t.Errorf("Source = %+v: every name may be asked for, and the file is looked at every time", s)
	}
}
