package file_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/agent/file"
)

func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	secrets := map[string]any{}
	save := func(t testing.TB) {
		t.Helper()
		text, err := json.Marshal(secrets)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	agenttest.Conformance(t, agenttest.Harness{
		Scheme:   "file",
		Source:   file.Source(path),
		Put:      func(t testing.TB, name, value string) { secrets[name] = value; save(t) },
		PutEmpty: func(t testing.TB, name string) { secrets[name] = nil; save(t) },
		Delete:   func(t testing.TB, name string) { delete(secrets, name); save(t) },
	})
}
