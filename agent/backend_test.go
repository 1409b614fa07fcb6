package agent_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestBackendsThatBreakTheContract(t *testing.T) {
	good := func(value string) agent.Result {
		return agent.Result{Secret: &agent.Secret{Name: "a", Value: agent.NewValue([]byte(value))}}
	}
	tests := []struct {
		name  string
		fetch fetchFunc
		value string // empty: the read fails as Unavailable
	}{
		{"never delivers", func(context.Context, []agent.Reference, func(int, agent.Result)) {}, ""},
		{"delivers nothing", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, agent.Result{})
		}, ""},
		{"delivers nothing and then something", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, agent.Result{})
			deliver(0, good("one"))
		}, "one"},
		{"delivers twice", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, good("one"))
			deliver(0, good("two"))
			deliver(0, agent.Result{Err: errors.New("three")})
		}, "one"},
		{"delivers to indexes that are not there", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(-1, good("minus"))
			deliver(1, good("plus"))
		}, ""},
		{"panics", func(context.Context, []agent.Reference, func(int, agent.Result)) { panic(planted) }, ""},
		{"panics after delivering", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, good("one"))
			panic(errors.New(planted))
		}, "one"},
		{"delivers another secret", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, agent.Result{Secret: &agent.Secret{Name: "b", Value: agent.NewValue([]byte("b's")), Aliases: []agent.Reference{ref("b")}}})
		}, ""},
		{"delivers a plain error", func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			deliver(0, agent.Result{Err: errors.New("oh")})
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				c := agent.New(agent.Config{Sources: sources(test.fetch.source()), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
				if test.value != "" {
					want(t, c, "a", test.value, false)
					want(t, c, "a", test.value, false)
				} else {
					wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
				}
				c.Close() // and so every flight has landed
				assertHidden(t, log.String())
				if strings.Contains(test.name, "panics") && !strings.Contains(log.String(), "a backend panicked") {
					t.Errorf("the panic is not logged: %s", log.String())
				}
			})
		})
	}
}

func TestDeliveryAfterReturnIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan func(int, agent.Result), 1)
		c := open(t, agent.Config{Sources: sources(fetchFunc(func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) { late <- deliver }).source())})
		wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
		(<-late)(0, agent.Result{Secret: &agent.Secret{Name: "a", Value: agent.NewValue([]byte("late"))}})
		if s := c.Status(); len(s.Secrets) != 0 {
			t.Errorf("held %+v", s.Secrets)
		}
	})
}

func TestTimeoutBoundsACall(t *testing.T) {
	for timeout, takes := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("a", "one")
			f.slow(time.Hour)
			source := f.source(time.Minute)
			source.Timeout = timeout
			c := open(t, agent.Config{Sources: sources(source)})
			start := time.Now()
			wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
			if took := time.Since(start); took != takes {
				t.Errorf("with Timeout %v the read took %v, want %v", timeout, took, takes)
			}
		})
	}
}

func TestOpenOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var opened atomic.Int32
		source := agent.Source{TTL: time.Minute, Open: func(context.Context) (agent.Backend, error) {
			opened.Add(1)
			time.Sleep(time.Second)
			return f, nil
		}}
		c := open(t, agent.Config{Sources: sources(source)})
		if synctest.Wait(); opened.Load() != 0 {
			t.Error("New opened the backend")
		}
		var readers sync.WaitGroup
		for _, id := range []string{"a", "b", "c", "d"} {
			f.put(id, "one")
			readers.Go(func() { want(t, c, id, "one", false) })
		}
		readers.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("opened %d times, want 1", n)
		}
	})
}

func TestOpenFailsThenSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		failure := error(&agent.Error{Kind: agent.Invalid, Status: 400, Code: "NoRegion", Message: "there is no region"})
		var backend agent.Backend
		c := open(t, agent.Config{Sources: sources(agent.Source{TTL: time.Minute, Open: func(context.Context) (agent.Backend, error) { return backend, failure }})})
		e := wantKind(t, c, ref("a"), agent.Cached, agent.Invalid)
		if e.Code != "NoRegion" || !strings.Contains(e.Message, `"a"`) || !strings.Contains(e.Message, "there is no region") {
			t.Errorf("the error names neither secret nor reason: %+v", e)
		}
		failure, backend = nil, f
		time.Sleep(6 * time.Second)
		want(t, c, "a", "one", false)
	})
}

func TestOpenThatPanicsOrHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("b", "one")
		tries := 0
		c := open(t, agent.Config{Sources: sources(agent.Source{TTL: time.Minute, Timeout: time.Second, Open: func(ctx context.Context) (agent.Backend, error) {
			switch tries++; tries {
			case 1:
				panic(planted)
			case 2:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return f, nil
		}})})
		wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable)
		start := time.Now()
		wantKind(t, c, ref("c"), agent.Cached, agent.Unavailable)
		if took := time.Since(start); took != time.Second {
			t.Errorf("a hanging Open held the reader up for %v, want the timeout", took)
		}
		time.Sleep(time.Minute) // longer than any back-off
		want(t, c, "b", "one", false)
	})
}

// TestBackendThatHoldsOn: one that ignores the end of its context keeps neither
// readers nor Close waiting, and its answer is ignored when it comes.
func TestBackendThatHoldsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan bool)
		source := fetchFunc(func(_ context.Context, _ []agent.Reference, deliver func(int, agent.Result)) {
			<-release
			deliver(0, agent.Result{Secret: &agent.Secret{Name: "a", Value: agent.NewValue([]byte("late"))}})
		}).source()
		source.Timeout = 10 * time.Second
		c := agent.New(agent.Config{Sources: sources(source)})
		start := time.Now()
		if e := wantKind(t, c, ref("a"), agent.Cached, agent.Unavailable); e.Status != 504 {
			t.Errorf("the error: %+v", e)
		}
		if waited := time.Since(start); waited != 11*time.Second {
			t.Errorf("waited %v, want the timeout and a second", waited)
		}
		c.Close()
		close(release)
		synctest.Wait()
		if s := c.Status(); len(s.Secrets) != 0 {
			t.Errorf("held %+v", s.Secrets)
		}
	})
}
