package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// lister is a fake that knows what it holds.
type lister struct {
	*fake
	failure error
	panics  bool
	lists   int
}

func (l *lister) List(ctx context.Context, pattern agent.Reference, deliver func(*agent.Secret)) error {
	l.mu.Lock()
	l.lists++
	wait := l.latency
	l.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.panics {
		panic("VALUE")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, r := range l.answers {
		if r.Secret != nil && strings.HasPrefix(ref.ID, strings.TrimSuffix(pattern.ID, "*")) {
			deliver(r.Secret)
		}
	}
	return l.failure
}

func (l *lister) source() agent.Source {
	return agent.Source{Open: func(context.Context) (agent.Backend, error) { return l, nil }, TTL: time.Minute}
}

// TestPatternBringsAll: what is under a configured path is prefetched, waited for
// by those who read it meanwhile, held as if it had been named, and refreshed by
// name.
func TestPatternBringsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{fake: newFake()}
		for i := range 3 {
			l.put(fmt.Sprintf("/app/%d", i), "one")
		}
		l.put("/other", "one")
		l.slow(time.Second)
		c := open(t, agent.Config{Sources: sources(l.source()), Secrets: specs("/app/*"), Listed: true, MaxStale: time.Hour, RefreshWait: time.Second, Entries: 3})
		var early sync.WaitGroup
		early.Go(func() { want(t, c, "/app/1", "one", false) })
		if err := c.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		early.Wait()
		for i := range 3 {
			if r := want(t, c, fmt.Sprintf("/app/%d", i), "one", false); r.Waited {
				t.Errorf("/app/%d was waited for", i)
			}
		}
		if l.fetches() != 0 || l.lists != 1 {
			t.Errorf("%d calls beside %d for all", l.fetches(), l.lists)
		}
		wantKind(t, c, ref("/other"), agent.Cached, agent.Denied)
		wantKind(t, c, ref("/app/none"), agent.Cached, agent.Denied)
		l.slow(latency)
		l.put("/app/1", "two")
		time.Sleep(2 * time.Minute)
		want(t, c, "/app/1", "two", false)
		if held := c.Status().Secrets; len(held) != 3 || !held[0].Configured {
			t.Errorf("held: %+v", held)
		}
	})
}

// TestPatternThatFails is told as a secret that does.
func TestPatternThatFails(t *testing.T) {
	denied := &agent.Error{Kind: agent.Denied, Status: 400, Code: "Denied", Message: "may not"}
	down := &agent.Error{Kind: agent.Unavailable, Status: 503, Code: "Down", Message: "down"}
	for name, test := range map[string]struct {
		backend agent.Backend
		says    string
		after   agent.Kind // of a read of what would be under it, from a fetch
	}{
		"denied":             {&lister{fake: newFake(), failure: denied}, "may not", agent.NotFound},
		"down":               {&lister{fake: newFake(), failure: down}, "down", agent.NotFound},
		"panics":             {&lister{fake: newFake(), panics: true}, "without an answer", agent.NotFound},
		"knows no patterns":  {newFake(), "name each secret", agent.NotFound},
		"none are under it":  {&lister{fake: newFake()}, "", agent.NotFound},
		"hangs for too long": {hangingLister{}, "deadline", agent.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				source := agent.Source{Open: func(context.Context) (agent.Backend, error) { return test.backend, nil }, TTL: time.Minute, Timeout: 10 * time.Second}
				c := open(t, agent.Config{Sources: sources(source), Secrets: specs("/app/*"), Log: slog.New(slog.NewTextHandler(&log, nil))})
				err := c.Prefetch(t.Context())
				if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Count(log.String(), "level=WARN") != 1) {
					t.Errorf("%v, want %q; logged %s", err, test.says, log.String())
				}
				if strings.Contains(log.String(), "VALUE") {
					t.Errorf("logged: %s", log.String())
				}
				wantKind(t, c, ref("/app/a"), agent.Cached, test.after)
			})
		})
	}
}

// hangingLister answers nothing until it is given up.
type hangingLister struct{}

func (hangingLister) List(ctx context.Context, _ agent.Reference, _ func(*agent.Secret)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hangingLister) Fetch(ctx context.Context, _ []agent.Reference, _ func(int, agent.Result)) {
	<-ctx.Done()
}

// TestPatternOfADroppedCache: what a listing brings after Drop is not kept.
func TestPatternOfADroppedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{fake: newFake()}
		l.put("/app/a", "one")
		l.slow(time.Second)
		c := open(t, agent.Config{Sources: sources(l.source()), Secrets: specs("/app/*")})
		go c.Prefetch(t.Context())
		synctest.Wait()
		c.Drop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if held := c.Status().Secrets; len(held) != 0 {
			t.Errorf("held: %+v", held)
		}
	})
}
