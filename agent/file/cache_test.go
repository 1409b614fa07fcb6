package file_test

import (
	"os"
	"testing"
	"time"
)

func TestUnchangedFileIsParsedOnce(t *testing.T) {
	s := write(t, `{"a": "one"}`)
	old := time.Now().Add(-time.Hour)
	keep := func() {
		if err := os.Chtimes(s.path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	keep()
	s.want("a", "one")
	s.overwrite(`{"a": "two"}`)
	keep() // a change that nothing tells of: what is served then is what was parsed
	if created := s.want("a", "one").Created; !created.Equal(old) {
		t.Errorf("Created = %v, want the file's time %v", created, old)
	}
}
