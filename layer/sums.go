package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
)

// sums are the lines of SHA256SUMS, by folder: what `sha256sum -c SHA256SUMS`
// checks in it.
type sums map[string][]byte

func (s sums) add(path string, sum [sha256.Size]byte) {
	dir, name := filepath.Split(path)
	s[dir] = fmt.Appendf(s[dir], "%x  %s\n", sum, name)
}

func (s sums) write() error {
	for dir, lines := range s {
		if err := write(filepath.Join(dir, "SHA256SUMS"), lines, 0o644); err != nil {
			return err
		}
	}
	return nil
}
