package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time of every file in a layer: the first a zip can hold.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// A file is one file of the layer with its bytes.
type file struct {
	target string
	mode   fs.FileMode
	data   []byte
}

// collect reads the entries for one architecture, sorted by target.
func collect(ctx context.Context, b *builder, arch string, entries []entry) ([]file, error) {
	if err := check(entries); err != nil {
		return nil, err
	}
	var files []file
	for _, e := range entries {
		data, err := e.source.read(ctx, b, arch)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", e.target, err)
		}
		files = append(files, file{e.target, e.mode, data})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.target, b.target) })
	return files, nil
}

// pack returns the files as a zip. Its bytes depend on the files' bytes, targets
// and modes alone: all bear one time. There are no directory entries, since every
// unzip makes the directories a file needs; so the list of files is all there is
// to compare.
func pack(files []file) ([]byte, error) {
	var zipped bytes.Buffer
	w := zip.NewWriter(&zipped)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, f := range files {
		header := &zip.FileHeader{Name: f.target, Method: zip.Deflate, Modified: epoch}
		header.SetMode(f.mode) // in the external attributes, as Unix's
		in, err := w.CreateHeader(header)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", f.target, err)
		}
		if _, err := in.Write(f.data); err != nil {
			return nil, fmt.Errorf("target %q: %w", f.target, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zipped.Bytes(), nil
}

// check reports every entry that cannot be in a layer, by its target.
func check(entries []entry) error {
	var errs []error
	if len(entries) == 0 {
		errs = append(errs, errors.New("the layer is empty"))
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		if err := e.check(); err != nil {
			errs = append(errs, fmt.Errorf("target %q: %w", e.target, err))
		}
		if seen[e.target] {
			errs = append(errs, fmt.Errorf("target %q: listed twice", e.target))
		}
		seen[e.target] = true
	}
	for _, e := range entries {
		for dir := path.Dir(e.target); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if seen[dir] {
				errs = append(errs, fmt.Errorf("target %q: %q is a file", e.target, dir))
			}
		}
	}
	return errors.Join(errs...)
}

func (e entry) check() error {
	switch {
	case e.source == nil:
		return errors.New("it has no source")
	case !fs.ValidPath(e.target) || e.target == "." || strings.Contains(e.target, `\`):
		return errors.New("it must be a path under /opt: relative, with slashes, and without . or .. in it")
	case e.mode == 0 || e.mode != e.mode.Perm():
		return fmt.Errorf("mode %v: it must be permission bits alone", e.mode)
	case path.Dir(e.target) == "extensions" && e.mode&0o111 != 0o111:
		return fmt.Errorf("mode %v: Lambda starts every file in extensions, so it must be executable", e.mode)
	}
	return nil
}

// unpack writes the files under dir, as Lambda unpacks a layer under /opt.
func unpack(dir string, files []file) error {
	for _, f := range files {
		if err := write(filepath.Join(dir, filepath.FromSlash(f.target)), f.data, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// write replaces the file at name, or leaves it as it was.
func write(name string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".larder-layer-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}
