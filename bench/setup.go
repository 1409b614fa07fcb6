package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// setup is what all sections measure, and where they put what they need.
type setup struct {
	dir    string // ends with the run
	layer  string // the zip
	larder string // the extension's binary, out of it
	effort float64

	leftOut []string // what is not measured, and why
}

// token is what readers have to show.
const token = "token"

func newSetup(ctx context.Context, layer string, effort float64) (*setup, error) {
	dir, err := os.MkdirTemp("", "larder-bench")
	if err != nil {
		return nil, err
	}
	s := &setup{dir: dir, layer: layer, larder: filepath.Join(dir, "larder"), effort: effort}
	if err := unpack(layer, "extensions/larder", s.larder); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w: make layer packs it", layer, err)
	}
	return s, nil
}

func (s *setup) close() { os.RemoveAll(s.dir) }

// rounds is how often to do what is usually done so many times.
func (s *setup) rounds(usual int) int { return max(3, int(float64(usual)*s.effort)) }

// omit notes what is left out, and says so at once.
func (s *setup) omit(what, why string) {
	s.leftOut = append(s.leftOut, what+": "+why)
	fmt.Fprintf(os.Stderr, "bench: left out: %s: %s\n", what, why)
}

// build compiles one of this module's programs as the layer's are.
func (s *setup) build(ctx context.Context, program string) (string, error) {
	path := filepath.Join(s.dir, filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", program, err, out)
	}
	return path, nil
}

// file writes a file for the time of the run.
func (s *setup) file(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// unpack takes one file out of a zip.
func unpack(archive, name, to string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	in, err := r.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
