//go:build unix

package file_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	at(t, path).wantError("a", agent.Invalid, "InvalidFile", "not a regular file")
}
