//go:build unix

package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// image is what a Dockerfile's last stage makes.
type image struct {
	root       string
	user       string
	entrypoint []string
	command    []string
	health     []string
}

// buildImage replays the instructions of layer/Dockerfile without an engine: those of
// the first stage in a copy of the module, with the tools that are here instead
// of its base image's, those of the last in an empty folder. What it does not
// know it refuses.
func buildImage(t *testing.T) image {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	source, made := t.TempDir(), image{root: t.TempDir()}
	last := false
	for _, line := range instructions(string(text)) {
		word, rest, _ := strings.Cut(line, " ")
		fields := strings.Fields(rest)
		switch {
		case word == "ARG", word == "WORKDIR" && rest == "/src":
		case word == "FROM":
			last = rest == "scratch"
		case !last && line == "COPY . .":
			command(t, "..", "sh", "-c", `tar -c --exclude=./.git --exclude=./bin --exclude=./dist --exclude=./.aws-sam . | tar -x -C "$0"`, source)
		case !last && word == "RUN":
			command(t, source, "sh", "-e", "-c", rest)
		case last && word == "COPY" && fields[0] == "--from=build" && fields[2] == "/":
			command(t, source, "cp", "-a", strings.TrimPrefix(fields[1], "/src/")+"/.", made.root)
		case last && word == "USER":
			made.user = rest
		case last && word == "ENTRYPOINT":
			made.entrypoint = words(t, rest)
		case last && word == "CMD":
			made.command = words(t, rest)
		case last && word == "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, " CMD ")
			made.health = words(t, command)
		default:
			t.Fatalf("the Dockerfile has an instruction that this test does not know: %s", line)
		}
	}
	return made
}

// instructions returns those of a Dockerfile.
func instructions(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TARGETARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// words reads the JSON form of a command, whose words have no escapes here.
func words(t *testing.T, text string) []string {
	t.Helper()
	inner, ok := strings.CutPrefix(strings.TrimSuffix(text, "]"), "[")
	if !ok {
		t.Fatalf("%s: a shell is not in the image", text)
	}
	var all []string
	for word := range strings.SplitSeq(inner, ",") {
		unquoted, err := strconv.Unquote(strings.TrimSpace(word))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, unquoted)
	}
	return all
}

// TestImage builds the image and runs the sidecar in it as an engine would: as
// its user, whose number alone is known, in a root that it cannot write to, with
// no variable but those given.
func TestImage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both binaries")
	}
	if _, err := os.Stat("/etc/ssl/certs/ca-certificates.crt"); err != nil {
		t.Skipf("the image takes this machine's certificates: %v", err)
	}
	made := buildImage(t)
	var files []string
	err := filepath.WalkDir(made.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, made.root))
		}
		return err
	})
	want := []string{"/etc/ssl/certs/ca-certificates.crt", "/larder", "/opt/extensions/larder"}
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("the image holds %v (%v), want %v", files, err, want)
	}
	for _, program := range want[1:] {
		info, err := buildinfo.ReadFile(made.root + program)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "CGO_ENABLED" && s.Value == "0" }) {
			t.Errorf("%s is not static", program)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root: the sidecar is not started")
	}
	made.serve(t)
}

func (i image) serve(t *testing.T) {
	if err := os.Chmod(i.root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(i.root+"/run", 0o755); err != nil { // where an engine would mount the file
		t.Fatal(err)
	}
	if err := os.WriteFile(i.root+"/run/secrets.json", []byte(`{"my-api-key": "abc123"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	port := agenttest.Port(t)
	env := []string{"LARDER_PORT=" + port, "LARDER_FILE=/run/secrets.json"}

	out, err := i.start(t, env, i.entrypoint, i.command...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "AWS_TOKEN") {
		t.Errorf("with no place for a token, and none given: %v\n%s", err, out)
	}

	env = append(env, "AWS_TOKEN=a-token-of-the-test")
	var printed bytes.Buffer
	sidecar := i.start(t, env, i.entrypoint, i.command...)
	sidecar.Stdout, sidecar.Stderr = &printed, &printed
	if err := sidecar.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sidecar.Wait() }()
	defer func() {
		sidecar.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("after SIGTERM: %v\n%s", err, &printed)
			}
		case <-time.After(10 * time.Second):
			sidecar.Process.Kill()
			t.Error("it does not end")
		}
	}()
	healthy := func() bool { return i.start(t, env, i.health).Run() == nil }
	for deadline := time.Now().Add(10 * time.Second); !healthy(); {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, &printed)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("it is not healthy")
		}
	}
	if out, err := i.start(t, env, i.entrypoint, "get", "my-api-key").Output(); err != nil || string(out) != "abc123" {
		t.Errorf("larder get: %q, %v", out, err)
	}
	other := append(env[:len(env):len(env)], "LARDER_PORT="+agenttest.Port(t))
	if out, err := i.start(t, other, i.health).CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("the health of none: %v\n%s", err, out)
	}
}

// start prepares a command in the image.
func (i image) start(t *testing.T, env, command []string, more ...string) *exec.Cmd {
	t.Helper()
	var user, group uint32
	if _, err := fmt.Sscanf(i.user, "%d:%d", &user, &group); err != nil || user == 0 {
		t.Fatalf("the user %q is not a number other than root's: %v", i.user, err)
	}
	line := append(command[:len(command):len(command)], more...)
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.Dir, cmd.Env = "/", env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Credential: &syscall.Credential{Uid: user, Gid: group, NoSetGroups: true}}
	return cmd
}
