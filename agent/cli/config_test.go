package cli_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeAsAWSsAgentIsConfigured: its file does, the environment counts more,
// and what means nothing here is named once.
func TestServeAsAWSsAgentIsConfigured(t *testing.T) {
	t.Parallel()
	h := newHome(t, `{"my-api-key": "abc123"}`)
	path := filepath.Join(h.dir, "config.toml")
	if err := os.WriteFile(path, []byte("log_to_file = false\npath_prefix = \"/by-name/\"\nhttp_port = 1\nmax_roles = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"AWS_TOKEN=right", "LARDER_BACKEND=file"}
	a := &agent{cmd: h.command(env, "serve", "--config", path), output: &output{}}
	a.cmd.Stdout, a.cmd.Stderr = a.output, a.output
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		a.cmd.Process.Kill()
		a.cmd.Wait()
	}()
	eventually(t, "the agent answers", func() bool {
		status, _, _ := h.run(env, "health")
		return status == 0
	})
	for target, want := range map[string]int{"/by-name/my-api-key": http.StatusOK, "/v1/my-api-key": http.StatusNotFound} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+h.port+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Vault-Token", "right")
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || want == http.StatusOK && !strings.Contains(string(body), `"SecretString":"abc123"`) {
			t.Errorf("%s: status %d, %v: %s", target, resp.StatusCode, err, body)
		}
	}
	if text := a.output.String(); !strings.Contains(text, "do not apply here: log_to_file, max_roles") {
		t.Errorf("printed: %s", text)
	}
}

func TestConfigurationFileThatIsNone(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	path := filepath.Join(h.dir, "config.toml")
	if err := os.WriteFile(path, []byte("http_prot = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{
		path + ": http_prot: ": {"--config=" + path},
		"none.toml":            {"--config", filepath.Join(h.dir, "none.toml")},
		"--config FILE":        {"--config"},
		"takes no arguments":   {"--port", "1"},
	} {
		if status, _, stderr := h.run(nil, append([]string{"serve"}, args...)...); status != 2 || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: status %d, %s", args, status, stderr)
		}
	}
}
