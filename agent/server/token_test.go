package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent/server"
)

// environment looks variables up in a map.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestLambdaToken(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + path
	}
	tests := []struct {
		name string
		vars map[string]string
		want string
		says string // of the error
	}{
		{"Lambda's own", map[string]string{"AWS_SESSION_TOKEN": "session"}, "session", ""},
		{"AWS_TOKEN goes first", map[string]string{"AWS_TOKEN": "mine", "AWS_SESSION_TOKEN": "session"}, "mine", ""},
		{"the container's goes last", map[string]string{"AWS_CONTAINER_AUTHORIZATION_TOKEN": "container"}, "container", ""},
		{"the session's before the container's", map[string]string{"AWS_SESSION_TOKEN": "session", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container"}, "session", ""},
		{"an empty one does not count", map[string]string{"AWS_TOKEN": "", "AWS_SESSION_TOKEN": "session"}, "session", ""},
		{"a file", map[string]string{"AWS_TOKEN": write("good", " from the file\r\n")}, "from the file", ""},
		{"white space around it", map[string]string{"AWS_TOKEN": "\tmine \n", "AWS_SESSION_TOKEN": "session"}, "mine", ""},
		{"nothing but white space", map[string]string{"AWS_TOKEN": " \n", "AWS_SESSION_TOKEN": "session"}, "session", ""},
		{"two lines", map[string]string{"AWS_TOKEN": "mine\nyours"}, "", "AWS_TOKEN: the token holds line breaks"},
		{"a file of two lines", map[string]string{"AWS_TOKEN": write("lines", "mine\r\nyours\r\n")}, "", "control characters"},
		{"a file that is no token's", map[string]string{"AWS_TOKEN": write("long", strings.Repeat("x", 16<<10+1))}, "", "longer than 16384 bytes"},
		{"an empty file", map[string]string{"AWS_TOKEN": write("empty", "\n"), "AWS_SESSION_TOKEN": "session"}, "", "empty"},
		{"no such file", map[string]string{"AWS_TOKEN": "file:///does/not/exist"}, "", "AWS_TOKEN"},
		{"a file without path", map[string]string{"AWS_TOKEN": "file://"}, "", "AWS_TOKEN"},
		{"none", nil, "", "AWS_SESSION_TOKEN"},
		{"none in SAM local", map[string]string{"AWS_SAM_LOCAL": "true"}, "", ""},
		{"one in SAM local", map[string]string{"AWS_SAM_LOCAL": "true", "AWS_SESSION_TOKEN": "session"}, "session", ""},
		{"SAM local said wrongly", map[string]string{"AWS_SAM_LOCAL": "1"}, "", "AWS_SESSION_TOKEN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := server.LambdaToken(environment(test.vars))
			if got != test.want || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("LambdaToken = %q, %v; want %q, %q", got, err, test.want, test.says)
			}
		})
	}
}

func TestSidecarToken(t *testing.T) {
	for _, place := range []struct{ variable, below string }{{"XDG_RUNTIME_DIR", "larder/token"}, {"HOME", ".larder/run/token"}} {
		t.Run(place.variable, func(t *testing.T) {
			dir := t.TempDir()
			vars := map[string]string{place.variable: dir, "AWS_SESSION_TOKEN": "not outside Lambda"}
			first, path, err := server.SidecarToken(environment(vars))
			if err != nil || path != filepath.Join(dir, place.below) || len(first) < 26 {
				t.Fatalf("SidecarToken = %q, %q, %v", first, path, err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != first+"\n" {
				t.Errorf("the file holds %q, %v", text, err)
			}
			for path, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
				if info, err := os.Stat(path); err != nil || info.Mode() != mode {
					t.Errorf("%s: %v, want mode %v", path, info.Mode(), mode)
				}
			}
			if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
				t.Errorf("%v stand beside the token", entries)
			}
			second, _, err := server.SidecarToken(environment(vars))
			if err != nil || second == first {
				t.Errorf("after a restart the token is still %q, %v", second, err)
			}
			vars["LARDER_PORT"] = "4000"
			if _, other, err := server.SidecarToken(environment(vars)); err != nil || other != path+"-4000" {
				t.Errorf("the token of an agent on another port is in %s, %v", other, err)
			}
			delete(vars, "LARDER_PORT")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if third, _, err := server.SidecarToken(environment(vars)); err != nil || third == first {
				t.Errorf("a new token is the old one (%v)", err)
			}
			vars["AWS_TOKEN"] = "mine"
			if got, path, err := server.SidecarToken(environment(vars)); got != "mine" || path != "" || err != nil {
				t.Errorf("with AWS_TOKEN: %q, %q, %v", got, path, err)
			}
		})
	}
}

func TestSidecarTokenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(path string) error
	}{
		{"a file that others can read", func(path string) error { return os.WriteFile(path, []byte("x"), 0o644) }},
		{"a file that the group can write", func(path string) error {
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				return err
			}
			return os.Chmod(path, 0o620)
		}},
		{"a symbolic link", func(path string) error {
			if err := os.WriteFile(path+".target", []byte("x"), 0o600); err != nil {
				return err
			}
			return os.Symlink(path+".target", path)
		}},
		{"a link that leads nowhere", func(path string) error { return os.Symlink(path+".none", path) }},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"an empty file", func(path string) error { return os.WriteFile(path, []byte(" \n"), 0o600) }},
		{"a directory that others can enter", func(path string) error { return os.Chmod(filepath.Dir(path), 0o755) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "larder", "token")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.prepare(path); err != nil {
				t.Fatal(err)
			}
			got, _, err := server.SidecarToken(environment(map[string]string{"XDG_RUNTIME_DIR": dir}))
			if err == nil || !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("SidecarToken = %q, %v", got, err)
			}
		})
	}
}
