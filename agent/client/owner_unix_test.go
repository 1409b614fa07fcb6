//go:build unix

package client_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/larder-secrets/larder/agent/client"
)

// TestTokenFileThatIsAPipe: opening one waits for a writer, who may never come.
func TestTokenFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := client.ReadTokenFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("ReadTokenFile = %q, %v", token, err)
	}
}

func TestTokenFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("trap"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := client.ReadTokenFile(path); err != nil || token != "trap" {
		t.Fatalf("ReadTokenFile = %q, %v", token, err)
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if token, err := client.ReadTokenFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("ReadTokenFile = %q, %v", token, err)
	}
}
