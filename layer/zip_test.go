package main

import (
	"archive/zip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// text is a source that needs no module.
type text string

func (s text) read(context.Context, *builder, string) ([]byte, error) { return []byte(s), nil }

// zipped packs what is collected of the entries.
func zipped(ctx context.Context, b *builder, arch string, entries []entry) ([]byte, error) {
	files, err := collect(ctx, b, arch, entries)
	if err != nil {
		return nil, err
	}
	return pack(files)
}

func TestPack(t *testing.T) {
	data, err := zipped(t.Context(), nil, "amd64", []entry{
		{text("second"), "python/larder/__init__.py", 0o644},
		{text("first"), "extensions/larder", 0o755},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-rwxr-xr-x extensions/larder", "-rw-r--r-- python/larder/__init__.py"}
	if got := listing(t, data); !slices.Equal(got, want) {
		t.Errorf("the zip holds %q, want %q", got, want)
	}
	if got := string(content(t, data, "extensions/larder")); got != "first" {
		t.Errorf("extensions/larder holds %q", got)
	}
	for _, f := range open(t, data).File {
		if maker := f.CreatorVersion >> 8; maker != 3 || f.ExternalAttrs>>16&0o111 != uint32(f.Mode()&0o111) {
			t.Errorf("%s: made by system %d with attributes %#x, which unzip does not take for Unix's", f.Name, maker, f.ExternalAttrs)
		}
		if !f.Modified.Equal(epoch) || f.Method != zip.Deflate {
			t.Errorf("%s: time %v, method %d", f.Name, f.Modified, f.Method)
		}
	}
}

func TestOrderOfTheListDoesNotMatter(t *testing.T) {
	entries := []entry{{text("a"), "a", 0o644}, {text("b"), "b/b", 0o755}, {text("c"), "c", 0o644}}
	forward, err := zipped(t.Context(), nil, "amd64", entries)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	backward, err := zipped(t.Context(), nil, "amd64", entries)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(forward, backward) {
		t.Error("the zips differ")
	}
}

func TestRefusedEntries(t *testing.T) {
	for name, test := range map[string]struct {
		entries []entry
		want    string
	}{
		"none":                    {nil, "empty"},
		"no target":               {[]entry{{text(""), "", 0o644}}, `target ""`},
		"absolute":                {[]entry{{text(""), "/opt/larder", 0o644}}, `target "/opt/larder"`},
		"up and out":              {[]entry{{text(""), "../larder", 0o644}}, `target "../larder"`},
		"up within":               {[]entry{{text(""), "bin/../larder", 0o644}}, `target "bin/../larder"`},
		"backslash":               {[]entry{{text(""), `bin\larder`, 0o644}}, `target "bin\\larder"`},
		"directory":               {[]entry{{text(""), "bin/", 0o644}}, `target "bin/"`},
		"twice":                   {[]entry{{text(""), "larder", 0o644}, {text(""), "larder", 0o755}}, `target "larder": listed twice`},
		"file and directory":      {[]entry{{text(""), "a", 0o644}, {text(""), "a/b/c", 0o644}}, `target "a/b/c": "a" is a file`},
		"no source":               {[]entry{{nil, "larder", 0o644}}, `target "larder": it has no source`},
		"no mode":                 {[]entry{{text(""), "larder", 0}}, "mode"},
		"set user id":             {[]entry{{text(""), "larder", fs.ModeSetuid | 0o755}}, "mode"},
		"symbolic link":           {[]entry{{text(""), "larder", fs.ModeSymlink | 0o755}}, "mode"},
		"extension not startable": {[]entry{{text(""), "extensions/README", 0o644}}, "Lambda starts every file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := zipped(t.Context(), nil, "amd64", test.entries); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	name := filepath.Join(dir, "layer.zip")
	for _, data := range []string{"old and longer", "new"} {
		if err := write(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != data {
			t.Fatalf("the file holds %q (%v), want %q", got, err, data)
		}
	}
	if err := write(dir, nil, 0o644); err == nil {
		t.Error("a directory was replaced")
	}
	if err := write(filepath.Join(name, "layer.zip"), nil, 0o644); !errors.As(err, new(*fs.PathError)) {
		t.Errorf("error %v, want a path's", err)
	}
	for _, at := range []string{dir, filepath.Dir(dir)} {
		if files, err := os.ReadDir(at); err != nil || len(files) != 1 {
			t.Errorf("%s holds %v (%v), want one file", at, files, err)
		}
	}
}

func TestPlan(t *testing.T) {
	both := []output{{"amd64", "l-amd64.zip"}, {"arm64", "l-arm64.zip"}}
	for name, test := range map[string]struct {
		arch, out string
		want      []output
	}{
		"all":                  {"all", "l-{arch}.zip", both},
		"one":                  {"arm64", "l.zip", []output{{"arm64", "l.zip"}}},
		"one, placed":          {"arm64", "l-{arch}.zip", both[1:]},
		"all in one file":      {"all", "l.zip", nil},
		"unknown architecture": {"mips", "l.zip", nil},
		"no file":              {"amd64", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := plan(test.arch, test.out)
			if (err == nil) != (test.want != nil) || !slices.Equal(got, test.want) {
				t.Errorf("plan is %v (%v), want %v", got, err, test.want)
			}
		})
	}
}
