package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMaterials: the bill of a layer names the layer, its files, and every
// module that the go command says its programs are linked from.
func TestMaterials(t *testing.T) {
	root := module(t)
	b, err := newBuilder(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := collect(t.Context(), b, "arm64", tiny)
	if err != nil {
		t.Fatal(err)
	}
	text, err := billOfMaterials("tiny.zip", []byte("the zip"), files)
	if err != nil {
		t.Fatal(err)
	}
	again, err := billOfMaterials("tiny.zip", []byte("the zip"), files)
	if err != nil || string(text) != string(again) {
		t.Errorf("the same layer has another bill: %v\n%s", err, again)
	}
	var bill materials
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	if bill.Format != "CycloneDX" || bill.SpecVersion != "1.6" || bill.Metadata.Component.Name != "tiny.zip" {
		t.Errorf("the bill begins with %+v", bill)
	}
	var refs []string
	for _, c := range bill.Components {
		refs = append(refs, c.Type+" "+c.Ref)
		if c.Ref == "extensions/tiny" && (len(c.Hashes) != 1 || !slices.Contains(c.Properties, property{"go:build:GOARCH", "arm64"})) {
			t.Errorf("the program: %+v", c)
		}
	}
	if len(refs) != 3 || refs[0] != "application extensions/tiny" || refs[1] != "file nodejs/node_modules/tiny/index.js" || !strings.HasPrefix(refs[2], "library pkg:golang/stdlib@1.") {
		t.Errorf("its components: %q", refs)
	}
}

// TestMaterialsOfTheLayer compares the bill with go version -m.
func TestMaterialsOfTheLayer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the extension")
	}
	dir := t.TempDir()
	zipped := filepath.Join(dir, "layer.zip")
	packed(t, "-arch", "amd64", "-out", zipped)
	text, err := os.ReadFile(filepath.Join(dir, "layer.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bill materials
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range bill.Components {
		if c.Type == "library" && c.Name != "stdlib" {
			got = append(got, c.Name+" "+c.Version)
		}
	}
	packed(t, "-arch", "amd64", "-tree", filepath.Join(dir, "tree"))
	listed, err := exec.CommandContext(t.Context(), "go", "version", "-m", filepath.Join(dir, "tree", "extensions", "larder")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(listed)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "dep" {
			want = append(want, fields[1]+" "+fields[2])
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the bill lists %q, the program %q", got, want)
	}

	check := exec.CommandContext(t.Context(), "sha256sum", "-c", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || strings.Count(string(out), ": OK") != 2 {
		t.Errorf("sha256sum -c SHA256SUMS: %v\n%s", err, out)
	}
}

// TestTreeIsWhatTheZipHolds, under another name.
func TestTreeIsWhatTheZipHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the extension")
	}
	const name = "AWSParametersAndSecretsLambdaExtension"
	dir := t.TempDir()
	zipped := filepath.Join(dir, "layer.zip")
	packed(t, "-arch", "arm64", "-out", zipped, "-name", name)
	packed(t, "-arch", "arm64", "-tree", filepath.Join(dir, "tree"), "-name", name)
	data, err := os.ReadFile(zipped)
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, data); !slices.Equal(got, []string{"-rwxr-xr-x extensions/" + name}) {
		t.Errorf("the zip holds %q", got)
	}
	program := filepath.Join(dir, "tree", "extensions", name)
	info, err := os.Stat(program)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Fatalf("the tree: %v, %v", info, err)
	}
	if same, err := os.ReadFile(program); err != nil || string(same) != string(content(t, data, "extensions/"+name)) {
		t.Errorf("the tree's file differs from the zip's: %v", err)
	}
	for _, wrong := range []string{"", "a/b", `a\b`} {
		cmd := exec.CommandContext(t.Context(), "go", "run", "./layer", "-arch", "arm64", "-out", zipped, "-name", wrong)
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "-name") {
			t.Errorf("-name %q: %v\n%s", wrong, err, out)
		}
	}
}

// packed runs the packer in the module's root and returns what it printed.
func packed(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./layer"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(out), "go.mod pins") {
		t.Skip(string(out))
	}
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}
