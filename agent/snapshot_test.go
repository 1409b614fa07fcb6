package agent_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestTransientKeepsNothing: before the first Drop every read asks the backend,
// nothing of its answers is held, and one warning says so.
func TestTransientKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("b", "two")
		var log bytes.Buffer
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Transient: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		want(t, c, "a", "one", false)
		want(t, c, "a", "one", false)
		want(t, c, "b", "two", false)
		wantKind(t, c, ref("none"), agent.Cached, agent.NotFound)
		if s := c.Status(); len(s.Secrets) != 0 || len(s.Failed) != 0 {
			t.Errorf("held: %+v", s)
		}
		if n := f.asked("a"); n != 2 {
			t.Errorf("asked %d times, want at each of two reads", n)
		}
		if n := strings.Count(log.String(), "snapshot"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, log.String())
		}
		c.Drop()
		want(t, c, "a", "one", false)
		want(t, c, "a", "one", false)
		if n := f.asked("a"); n != 3 {
			t.Errorf("asked %d times, want once more after Drop", n)
		}
	})
}

// TestMaintain: what is read is refreshed by timer though no read comes near the
// TTL's end, and what is not read is left alone.
func TestMaintain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("read", "one")
		f.put("unread", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("read", "unread")})
		c.Prefetch(t.Context())
		go c.Maintain(t.Context())
		time.Sleep(time.Second)
		want(t, c, "read", "one", false)
		f.put("read", "two")
		time.Sleep(time.Minute)
		calls := f.asked("read")
		want(t, c, "read", "two", false)
		if calls != 2 || f.asked("read") != calls {
			t.Errorf("asked %d times before the read and %d after it, want twice, by prefetch and timer", calls, f.asked("read"))
		}
		if n := f.asked("unread"); n != 1 {
			t.Errorf("asked %d times for what nobody reads", n)
		}
	})
}
