package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A source is where the bytes of an entry come from.
type source interface {
	// read returns the bytes for one architecture. It may run the go command
	// until ctx ends.
	read(ctx context.Context, b *builder, arch string) ([]byte, error)
}

// goPackage is a main package of the module, as ./path. It is built for Linux,
// static and stripped.
type goPackage string

// plainFile is a regular file of the module, taken as it is for every
// architecture. Slashes, relative to the module's root; no symbolic links.
type plainFile string

// A builder runs the go command in a module, in an environment that does not
// depend on the caller's.
type builder struct {
	root string
	env  []string
}

// passed are the go command's settings that say where modules and caches are.
// They cannot change what is built: go.sum holds the modules' hashes.
var passed = []string{
	"GOAUTH", "GOCACHE", "GOCACHEPROG", "GOINSECURE", "GOMODCACHE", "GONOPROXY",
	"GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTMPDIR", "GOVCS",
}

// fixed are the settings that can change what is built. GOENV comes with them
// because the file it names may set any of the others.
var fixed = []string{
	"CGO_ENABLED=0", "GOOS=linux", "GOAMD64=v1", "GOARM64=v8.0", "GOENV=off", "GOEXPERIMENT=",
	"GOFIPS140=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off",
}

// newBuilder returns a builder for the module in root.
func newBuilder(ctx context.Context, root string) (*builder, error) {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return nil, fmt.Errorf("not the root of a module: %w", err)
	}
	b := &builder{root: root, env: os.Environ()}
	settings, err := b.run(ctx, append([]string{"env", "-json"}, passed...)...)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string)
	if err := json.Unmarshal(settings, &values); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	b.env = clean(os.Environ())
	for _, name := range passed {
		b.env = append(b.env, name+"="+values[name])
	}
	b.env = append(b.env, fixed...)
	return b, nil
}

// clean drops what is addressed to the go command.
func clean(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "GO") && !strings.HasPrefix(entry, "CGO_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// checkToolchain refuses a Go version other than the one that go.mod names:
// the compiler and this program's own deflate both shape the zip's bytes.
// go run puts the go command it belongs to first in PATH, so that this
// program's version is that of the builds too.
func (b *builder) checkToolchain(ctx context.Context) error {
	text, err := b.run(ctx, "mod", "edit", "-json")
	if err != nil {
		return err
	}
	var mod struct{ Toolchain string }
	if err := json.Unmarshal(text, &mod); err != nil {
		return fmt.Errorf("go.mod: %w", err)
	}
	if have := runtime.Version(); mod.Toolchain != "" && have != mod.Toolchain {
		return fmt.Errorf("this is %s, and go.mod pins %s\nhint: set GOTOOLCHAIN=%[2]s", have, mod.Toolchain)
	}
	return nil
}

func (p goPackage) read(ctx context.Context, b *builder, arch string) ([]byte, error) {
	dir, ok := strings.CutPrefix(string(p), "./")
	if !ok || !filepath.IsLocal(filepath.FromSlash(dir)) {
		return nil, fmt.Errorf("package %q: it is written ./path, within the module", string(p))
	}
	if _, err := os.Stat(filepath.Join(b.root, filepath.FromSlash(dir))); err != nil {
		return nil, fmt.Errorf("package %q: %w", string(p), err)
	}
	tmp, err := os.MkdirTemp("", "larder-layer-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, "binary")
	forArch := &builder{root: b.root, env: append(b.env[:len(b.env):len(b.env)], "GOARCH="+arch)}
	if _, err := forArch.run(ctx, "build", "-buildmode=exe", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid=", "-o", binary, string(p)); err != nil {
		return nil, fmt.Errorf("package %q: %w", string(p), err)
	}
	return os.ReadFile(binary)
}

func (f plainFile) read(_ context.Context, b *builder, _ string) ([]byte, error) {
	name := filepath.FromSlash(string(f))
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("file %q: not a path within the module", string(f))
	}
	root, err := os.OpenRoot(b.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", string(f), err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("file %q: not a regular file", string(f))
	}
	return root.ReadFile(name)
}

// run returns what the go command prints. Its complaints become the error.
func (b *builder) run(ctx context.Context, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env, cmd.Stderr = b.root, b.env, &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout, nil
}
