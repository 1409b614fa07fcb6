package agent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestFormIsWrittenOnce: for as long as the cache holds the same secret.
func TestFormIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		written := 0
		read := func(want string) {
			t.Helper()
			reading, err := c.Get(t.Context(), ref("a"), agent.Cached)
			if err != nil {
				t.Fatal(err)
			}
			got, err := reading.Secret.Form("in brackets", func(s *agent.Secret) ([]byte, error) {
				written++
				return fmt.Appendf(nil, "<%s>", s.Value.Reveal()), nil
			})
			if string(got) != want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		}
		for range 3 {
			read("<one>")
		}
		f.put("a", "two")
		time.Sleep(2 * time.Minute)
		for range 3 {
			read("<two>")
		}
		if written != 2 {
			t.Errorf("the forms of two values were written %d times", written)
		}
		reading, _ := c.Get(t.Context(), ref("a"), agent.Cached)
		if text := fmt.Sprintf("%v %+v %#v", reading.Secret, reading.Secret, *reading.Secret); strings.Contains(text, "two") {
			t.Errorf("printing the secret shows a form of it: %s", text)
		}
	})
}

func TestFormThatFailsIsNotKept(t *testing.T) {
	f := newFake()
	f.put("a", "one")
	c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
	want(t, c, "a", "one", false)
	reading := want(t, c, "a", "one", false)
	failure := errors.New("not this time")
	if _, err := reading.Secret.Form("x", func(*agent.Secret) ([]byte, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("%v, want %v", err, failure)
	}
	if b, err := reading.Secret.Form("x", func(*agent.Secret) ([]byte, error) { return []byte("x"), nil }); string(b) != "x" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// TestFormsAreBounded: those of one secret take at most twice what its value does,
// and a little.
func TestFormsAreBounded(t *testing.T) {
	f := newFake()
	f.put("a", strings.Repeat("x", 10_000))
	c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
	c.Get(t.Context(), ref("a"), agent.Cached)
	reading, err := c.Get(t.Context(), ref("a"), agent.Cached)
	if err != nil {
		t.Fatal(err)
	}
	form := func(i, size int) (kept bool) {
		kept = true
		reading.Secret.Form(fmt.Sprint(i), func(*agent.Secret) ([]byte, error) {
			kept = false
			return make([]byte, size), nil
		})
		return kept
	}
	kept := 0
	for i := range 100 {
		form(i, 5000)
	}
	for i := 99; i >= 0 && form(i, 5000); i-- {
		kept += 5000
	}
	if kept == 0 || kept > 24_096 {
		t.Errorf("%d bytes of forms were kept", kept)
	}
	if form(1000, 50_000); form(1000, 50_000) {
		t.Error("a form five times as long as the value is kept")
	}
}
