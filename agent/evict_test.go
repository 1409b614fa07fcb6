package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// held returns the names of what c holds.
func held(c *agent.Cache) string {
	var names []string
	for _, s := range c.Status().Secrets {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

func TestEviction(t *testing.T) {
	tests := []struct {
		name       string
		configured []string
		entries    int
		bytes      int64
		reads      string // a digit after the name is the value's size
		held       string
	}{
		{"no bounds", nil, 0, 0, "a1 b1 c1", "a b c"},
		{"entries, oldest first", nil, 2, 0, "a1 b1 c1", "b c"},
		{"entries, what is read stays", nil, 2, 0, "a1 b1 a1 c1", "a c"},
		{"bytes, oldest first", nil, 0, 6, "a3 b3 c3", "b c"},
		{"bytes, several make room for one", nil, 0, 6, "a2 b2 c2 d5", "d"},
		{"bytes, too large for the bound", nil, 0, 6, "a2 b7", ""},
		{"entries, configured ones stay", []string{"a", "b"}, 2, 0, "a1 b1 c1", "a b"},
		{"entries, configured ones push others out", []string{"b"}, 1, 0, "a1 b1", "b"},
		{"bytes, configured ones stay", []string{"a"}, 0, 6, "a4 b2 c2 d2", "a d"},
		{"bytes, configured ones stay past the bound", []string{"a", "b"}, 0, 6, "a4 b4 c1", "a b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs(test.configured...), Entries: test.entries, Bytes: test.bytes})
				for _, read := range strings.Fields(test.reads) {
					id, value := read[:1], strings.Repeat("x", int(read[1]-'0'))
					f.put(id, value)
					want(t, c, id, value, false) // served even where it cannot be held
					time.Sleep(time.Millisecond)
				}
				if got := held(c); got != test.held {
					t.Errorf("held %q, want %q", got, test.held)
				}
				if got := c.Status().Bytes; test.bytes > 0 && test.configured == nil && got > test.bytes {
					t.Errorf("%d bytes are held, want at most %d", got, test.bytes)
				}
			})
		})
	}
}

func TestBytesFollowTheValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		for _, value := range []string{"12345", "1", "1234567890"} {
			f.put("a", value)
			want(t, c, "a", value, false)
			if got := c.Status().Bytes; got != int64(len(value)) {
				t.Errorf("%d bytes are held, want %d", got, len(value))
			}
			time.Sleep(2 * time.Minute)
		}
		f.fail("a", agent.NotFound)
		wantKind(t, c, ref("a"), agent.Cached, agent.NotFound)
		if s := c.Status(); s.Bytes != 0 || len(s.Secrets) != 0 {
			t.Errorf("after the secret was deleted: %+v", s)
		}
	})
}

func TestFailuresAreBoundedByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.slow(0)
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Hour)), Entries: 1})
		want(t, c, "a", "one", false)
		for i := range 1500 {
			name := strings.Repeat("x", 1000) + fmt.Sprint(i)
			wantKind(t, c, ref(name), agent.Cached, agent.NotFound)
			time.Sleep(10 * time.Millisecond) // within the budget of misses
		}
		size := 0
		for _, failed := range c.Status().Failed {
			size += len(failed.Secret) + len(failed.Error)
		}
		if size > 1<<20 || size < 1<<19 {
			t.Errorf("%d bytes of failures are remembered, want somewhat less than a mebibyte", size)
		}
		want(t, c, "a", "one", false)
		if n := f.asked("a"); n != 1 {
			t.Error("failures pushed a value out")
		}
	})
}
