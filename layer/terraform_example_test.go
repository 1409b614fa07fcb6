//go:build integration

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// example copies the example to a folder of its own, without anything that
// terraform has left beside it, adds the provider, which calls url alone, and
// returns the folder.
func example(t *testing.T, url string) string {
	t.Helper()
	dir, source := t.TempDir(), filepath.Join("..", "example", "terraform")
	for _, pattern := range []string{"*.tf", "modules/*/*.tf"} {
		files, err := filepath.Glob(filepath.Join(source, filepath.FromSlash(pattern)))
		if err != nil || len(files) == 0 {
			t.Fatalf("the example has no %s (%v)", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(dir, strings.TrimPrefix(file, source)), data)
		}
	}
	put(t, filepath.Join(dir, "moto.tf"), fmt.Appendf(nil, `
provider "aws" {
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {
    iam            = %[1]q
    lambda         = %[1]q
    secretsmanager = %[1]q
    sts            = %[1]q
  }
}
`, url))
	put(t, filepath.Join(dir, "function.zip"), zipOf(t, entry{goPackage("./example/go"), "bootstrap", 0o755}))
	put(t, filepath.Join(dir, "layer.zip"), zipOf(t, contents...))
	put(t, filepath.Join(dir, "terraform.tfvars"), []byte("layer_zip = \"layer.zip\"\nfunction_zip = \"function.zip\"\n"))
	return dir
}

func zipOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	b, err := newBuilder(t.Context(), "..")
	if err != nil {
		t.Fatal(err)
	}
	data, err := zipped(t.Context(), b, "arm64", entries)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func pairs(env map[string]string) []string {
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}
