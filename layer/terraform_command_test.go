//go:build integration

package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// terraform runs the command of that name in a folder.
type terraform struct {
	path string
	dir  string // the caller's if empty
	env  []string
}

// newTerraform skips the test where there is no terraform. Of the caller's
// variables those stay that say where providers are: others of terraform's and
// of AWS's could lead anywhere.
func newTerraform(t *testing.T) *terraform {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Skipf("there is no terraform: %v", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR":
			return false
		}
		return strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "AWS_")
	})
	return &terraform{path: path, env: append(env, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color", "CHECKPOINT_DISABLE=1")}
}

// run returns what terraform printed, and its exit status, which is -1 where ctx
// has ended it.
func (tf *terraform) run(ctx context.Context, t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, tf.path, args...)
	cmd.Dir, cmd.Env = tf.dir, tf.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // which ends the provider too
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		return string(out), -1
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// expect runs terraform to the exit status want, and returns what it printed,
// with its lines joined.
func (tf *terraform) expect(t *testing.T, want int, args ...string) string {
	t.Helper()
	out, code := tf.run(t.Context(), t, args...)
	if code != want {
		t.Fatalf("terraform %s: exit status %d, want %d:\n%s", strings.Join(args, " "), code, want, out)
	}
	return strings.Join(strings.Fields(out), " ")
}
