package agent_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestListedAdmits(t *testing.T) {
	tests := []struct {
		name     string
		listed   bool
		unlisted bool
		read     string
		admitted bool
	}{
		{"a configured secret", true, false, "a", true},
		{"its ARN", true, false, "arn-of-a", true},
		{"another secret", true, false, "b", false},
		{"another secret's ARN", true, false, "arn-of-b", false},
		{"another secret of a source that lists nothing", true, true, "b", true},
		{"anything where nothing is listed", false, false, "b", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("a", "one")
				f.put("b", "one")
				source := f.source(time.Minute)
				source.Unlisted = test.unlisted
				c := open(t, agent.Config{Sources: sources(source), Secrets: specs("a"), Listed: test.listed})
				if err := c.Prefetch(t.Context()); err != nil {
					t.Fatal(err)
				}
				if test.admitted {
					want(t, c, test.read, "one", false)
					return
				}
				for _, mode := range []agent.Mode{agent.Cached, agent.Fresh} {
					if e := wantKind(t, c, ref(test.read), mode, agent.Denied); e.Code != "SecretNotListed" {
						t.Errorf("error %+v", e)
					}
				}
				if n := f.asked(test.read); n != 0 {
					t.Error("the backend was asked all the same")
				}
			})
		})
	}
}

func TestListedByAnotherNameWaitsForPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		f.put("b", "one")
		f.slow(time.Second)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a"), Listed: true})
		go c.Prefetch(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, ref("arn-of-a"), agent.Cached); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an impatient read: %v", err)
		}
		want(t, c, "arn-of-a", "one", false)
		wantKind(t, c, ref("b"), agent.Cached, agent.Denied)
		if n := f.fetches(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestListedQueryIsPartOfTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a"), Listed: true})
		c.Prefetch(t.Context())
		previous := ref("a")
		previous.Query = "versionStage=AWSPREVIOUS"
		wantKind(t, c, previous, agent.Cached, agent.Denied)
	})
}

// TestListedAliasOutlivesItsEntry: a name that has been learned stays listed when
// what it led to has been dropped.
func TestListedAliasOutlivesItsEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a"), Listed: true})
		c.Prefetch(t.Context())
		f.fail("a", agent.NotFound)
		f.fail("arn-of-a", agent.NotFound)
		time.Sleep(2 * time.Minute)
		wantKind(t, c, ref("arn-of-a"), agent.Cached, agent.NotFound)
		f.put("a", "two")
		time.Sleep(10 * time.Second)
		want(t, c, "arn-of-a", "two", false)
	})
}
