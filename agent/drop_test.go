package agent_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestDropForgetsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a"), MaxStale: time.Hour})
		c.Prefetch(t.Context())
		wantKind(t, c, ref("b"), agent.Cached, agent.NotFound)
		c.Drop()
		if s := c.Status(); len(s.Secrets) != 0 || len(s.Failed) != 0 || s.Bytes != 0 {
			t.Errorf("after Drop: %+v", s)
		}
		f.put("a", "two")
		f.put("b", "two")
		want(t, c, "a", "two", false)
		want(t, c, "b", "two", false)
	})
}

func TestDropDuringACall(t *testing.T) {
	for name, result := range map[string]string{"that succeeds": "old", "that fails": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.slow(time.Second)
				if result != "" {
					f.put("a", result)
				}
				c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
				got := make(chan string, 1)
				go func() {
					r, err := c.Get(t.Context(), ref("a"), agent.Cached)
					if err != nil {
						got <- ""
						return
					}
					got <- string(r.Secret.Value.Reveal())
				}()
				synctest.Wait()
				c.Drop()
				if v := <-got; v != result {
					t.Errorf("who waited got %q, want %q", v, result)
				}
				if s := c.Status(); len(s.Secrets) != 0 || len(s.Failed) != 0 {
					t.Errorf("the call's answer was kept: %+v", s)
				}
				f.put("a", "new")
				want(t, c, "a", "new", false)
			})
		})
	}
}

func TestReadAfterDropDoesNotJoinAnOlderCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.slow(time.Second)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		go c.Get(t.Context(), ref("a"), agent.Cached)
		synctest.Wait()
		c.Drop()
		want(t, c, "a", "one", false)
		want(t, c, "a", "one", false)
		if n := f.fetches(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

func TestCloseDuringACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("held", "one")
		c := agent.New(agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a")})
		want(t, c, "held", "one", false)
		f.slow(time.Hour)
		failed := make(chan error, 2)
		go func() {
			_, err := c.Get(t.Context(), ref("a"), agent.Cached)
			failed <- err
		}()
		go func() { failed <- c.Prefetch(t.Context()) }()
		synctest.Wait()
		start := time.Now()
		c.Close()
		for range 2 {
			if err := <-failed; err == nil || agent.AsError(err).Kind != agent.Unavailable {
				t.Errorf("who waited got %v", err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		want(t, c, "held", "one", false)
		if e := wantKind(t, c, ref("never"), agent.Cached, agent.Unavailable); e.Code != "Closed" {
			t.Errorf("a read after Close: %+v", e)
		}
		c.Refresh(t.Context())
		c.Close()
	})
}

func TestStatusShowsNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", planted)
		f.put("b", planted)
		f.fail("x", agent.Denied)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("b"), MaxStale: time.Hour})
		c.Prefetch(t.Context())
		want(t, c, "a", planted, false)
		time.Sleep(61 * time.Second)
		wantKind(t, c, ref("x"), agent.Cached, agent.Denied)
		status := c.Status()
		text, err := json.Marshal(status)
		if err != nil {
			t.Fatal(err)
		}
		assertHidden(t, string(text))
		first := agent.Held{Secret: "fake:a", Name: "a", Version: "version-1", Stages: []string{"AWSCURRENT"}, AgeSeconds: 61.02, Stale: true}
		if len(status.Secrets) != 2 || !status.Secrets[1].Configured || status.Bytes != int64(2*len(planted)) {
			t.Fatalf("status = %s", text)
		}
		if got := status.Secrets[0]; got.Secret != first.Secret || got.AgeSeconds != first.AgeSeconds || !got.Stale || got.Configured || got.Version != first.Version {
			t.Errorf("held = %+v, want %+v", got, first)
		}
		if len(status.Failed) != 1 || status.Failed[0].Secret != "fake:x" {
			t.Errorf("failed = %+v", status.Failed)
		}
		time.Sleep(5 * time.Second)
		if n := len(c.Status().Failed); n != 0 {
			t.Errorf("%d failures are shown that are no longer remembered", n)
		}
	})
}
