package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLayer packs the layer that is published, as make layer does.
func TestLayer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the extension")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "layer.zip")
	printed := packed(t, "-arch", "amd64", "-out", out)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x  %s\n", sha256.Sum256(data), out); !strings.HasPrefix(printed, want) {
		t.Errorf("it prints %q, want %q first", printed, want)
	}

	// A file more here is a file more in every function that uses the layer.
	want := []string{
		"-rwxr-xr-x extensions/larder",
	}
	if got := listing(t, data); !slices.Equal(got, want) {
		t.Errorf("the layer holds %q, want %q", got, want)
	}

	binary := content(t, data, "extensions/larder")
	if bytes.Contains(binary, []byte(root)) {
		t.Errorf("the binary tells where it was built: %s", root)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range info.Settings {
		got[s.Key] = s.Value
	}
	for key, value := range map[string]string{
		"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1", "-trimpath": "true", "vcs": "",
	} {
		if got[key] != value {
			t.Errorf("built with %s=%q, want %q", key, got[key], value)
		}
	}
}

// listing returns a line with mode and name for each file of a zip, in its
// order.
func listing(t *testing.T, data []byte) []string {
	t.Helper()
	var lines []string
	for _, f := range open(t, data).File {
		lines = append(lines, f.Mode().String()+" "+f.Name)
	}
	return lines
}

// content returns the bytes of one file of a zip.
func content(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	var buf bytes.Buffer
	f, err := open(t, data).Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := buf.ReadFrom(f); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func open(t *testing.T, data []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
