package main

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module of its own with one main package and one that is not,
// and returns its root.
func module(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module example.com/tiny\n\ngo 1.26\n",
		"cmd/tiny/main.go":  "package main\n\nimport \"example.com/tiny/word\"\n\nfunc main() { println(word.Word) }\n",
		"cmd/tiny/extra.go": "//go:build extra\n\npackage main\n\nfunc init() { println(\"extra\") }\n",
		"word/word.go":      "package word\n\nvar Word = \"tiny\"\n",
		"client/index.js":   "module.exports = {}\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// tiny is a layer of what module writes.
var tiny = []entry{
	{plainFile("client/index.js"), "nodejs/node_modules/tiny/index.js", 0o644},
	{goPackage("./cmd/tiny"), "extensions/tiny", 0o755},
}

func packTiny(t *testing.T, root string) []byte {
	t.Helper()
	b, err := newBuilder(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	data, err := zipped(t.Context(), b, "amd64", tiny)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSameBytesFromAnyCheckout(t *testing.T) {
	one, two := module(t), module(t)
	first := packTiny(t, one)

	t.Setenv("GOFLAGS", "-tags=extra")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOEXPERIMENT", "none")
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("TZ", "Asia/Tokyo")
	settings := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(settings, []byte("GOFIPS140=latest\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", settings)
	if err := os.WriteFile(filepath.Join(two, "go.work"), []byte("go 1.27\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, packTiny(t, two)) {
		t.Errorf("the zips of %s and %s differ", one, two)
	}
}

func TestArchitectures(t *testing.T) {
	b, err := newBuilder(t.Context(), module(t))
	if err != nil {
		t.Fatal(err)
	}
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			data, err := goPackage("./cmd/tiny").read(t.Context(), b, arch)
			if err != nil {
				t.Fatal(err)
			}
			binary, err := elf.NewFile(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if binary.Machine != want {
				t.Errorf("built for %v, want %v", binary.Machine, want)
			}
			if libs, err := binary.ImportedLibraries(); err != nil || len(libs) > 0 {
				t.Errorf("linked with %q (%v), want a static binary", libs, err)
			}
		})
	}
}

func TestRefusedSources(t *testing.T) {
	root := module(t)
	if err := os.Symlink("index.js", filepath.Join(root, "client", "link.js")); err != nil {
		t.Fatal(err)
	}
	b, err := newBuilder(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		source source
		want   string
	}{
		"missing package":     {goPackage("./cmd/none"), `"./cmd/none"`},
		"not a main package":  {goPackage("./word"), "main package"},
		"package elsewhere":   {goPackage("../tiny"), "within the module"},
		"package up and out":  {goPackage("./../tiny"), "within the module"},
		"package by its path": {goPackage("example.com/tiny/cmd/tiny"), "within the module"},
		"missing file":        {plainFile("client/none.js"), `"client/none.js"`},
		"file elsewhere":      {plainFile("../index.js"), "within the module"},
		"absolute file":       {plainFile("/etc/hosts"), "within the module"},
		"directory":           {plainFile("client"), "not a regular file"},
		"symbolic link":       {plainFile("client/link.js"), "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := zipped(t.Context(), b, "amd64", []entry{{test.source, "bin/tiny", 0o755}})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"bin/tiny"`) {
				t.Errorf("error %v, want one with %q and the target", err, test.want)
			}
		})
	}
}

func TestNotAModule(t *testing.T) {
	if _, err := newBuilder(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("error %v, want one with go.mod", err)
	}
}
