package agent_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

func TestAliasesAreOneEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), RefreshWait: time.Second})
		want(t, c, "a", "one", false)
		want(t, c, "arn-of-a", "one", false)
		status := c.Status()
		if len(status.Secrets) != 1 || status.Bytes != 3 || f.fetches() != 1 {
			t.Errorf("%d entries of %d bytes after %d calls, want one", len(status.Secrets), status.Bytes, f.fetches())
		}
		time.Sleep(2 * time.Minute)
		f.put("a", "two!")
		want(t, c, "arn-of-a", "two!", false)
		want(t, c, "a", "two!", false)
		if status := c.Status(); len(status.Secrets) != 1 || status.Bytes != 4 {
			t.Errorf("status = %+v", status)
		}
	})
}

// TestNamesOfOneEntryAreBounded: a request can make up any number of references
// that lead to one secret.
func TestNamesOfOneEntryAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(time.Hour)), Secrets: specs("a")})
		c.Prefetch(t.Context())
		for i := range 100 {
			id := fmt.Sprintf("made-up-%d", i)
			f.answer(id, agent.Result{Secret: s})
			want(t, c, id, "one", false)
			time.Sleep(time.Second)
		}
		remembered := 0
		for i := range 100 {
			id := fmt.Sprintf("made-up-%d", i)
			calls := f.asked(id)
			want(t, c, id, "one", false)
			if f.asked(id) == calls {
				remembered++
			}
			time.Sleep(time.Second)
		}
		if remembered > 16 {
			t.Errorf("%d made-up names are remembered", remembered)
		}
		calls := f.asked("a")
		want(t, c, "a", "one", false)
		if f.asked("a") != calls {
			t.Error("the configured name is no longer known")
		}
		for _, long := range []agent.Reference{ref(strings.Repeat("x", 2049)), {Scheme: "fake", ID: "a", Query: strings.Repeat("x", 2049)}} {
			wantKind(t, c, long, agent.Cached, agent.Invalid)
		}
	})
}

// TestALostNameLeavesTheQuestion: a refresh asks as was asked at first, though
// one of the secret's other names has come to mean another.
func TestALostNameLeavesTheQuestion(t *testing.T) {
	for range 20 { // which name is looked at first is chance
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			a := f.put("a", "one")
			a.Aliases = append(a.Aliases, ref("shared"))
			c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
			want(t, c, "a", "one", false)
			b := f.put("b", "two")
			b.Aliases = append(b.Aliases, ref("shared"))
			want(t, c, "b", "two", false)
			want(t, c, "shared", "two", false)
			if held := c.Status().Secrets; len(held) != 2 || held[0].Secret != "fake:a" || held[1].Secret != "fake:b" {
				t.Errorf("a refresh would ask for %+v", held)
			}
		})
	}
}

// TestNothingIsHeldWithoutTTL: every read asks, so that there is nothing to hold
// a value for.
func TestNothingIsHeldWithoutTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "one")
		c := open(t, agent.Config{Sources: sources(f.source(0)), Secrets: specs("a")})
		c.Prefetch(t.Context())
		want(t, c, "a", "one", false)
		if s := c.Status(); len(s.Secrets) != 0 || s.Bytes != 0 || f.asked("a") != 2 {
			t.Errorf("asked %d times, held %+v", f.asked("a"), s)
		}
	})
}

func TestPartialNameMergesOnceResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := f.put("a", "one")
		f.answer("partial", agent.Result{Secret: s}) // no alias of the answer, and yet its question
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		want(t, c, "a", "one", false)
		want(t, c, "partial", "one", false)
		want(t, c, "partial", "one", false)
		if n := len(c.Status().Secrets); n != 1 || f.fetches() != 2 {
			t.Errorf("%d entries after %d calls, want 1 after 2", n, f.fetches())
		}
	})
}

func TestWithoutAliasesTheQuestionIsTheIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, id := range []string{"a", "b"} { // the same name in two accounts
			f.answer(id, agent.Result{Secret: &agent.Secret{Name: "same", Value: agent.NewValue([]byte(id))}})
		}
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		for range 2 {
			want(t, c, "a", "a", false)
			want(t, c, "b", "b", false)
		}
		if n := len(c.Status().Secrets); n != 2 || f.fetches() != 2 {
			t.Errorf("%d entries after %d calls, want 2 after 2", n, f.fetches())
		}
	})
}

func TestRecreatedSecretTakesTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "old")
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute)), Secrets: specs("a"), MaxStale: time.Hour, RefreshWait: time.Second})
		if err := c.Prefetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.answer("a", agent.Result{Secret: &agent.Secret{
			Name: "a", ARN: "new-arn", Version: "version-2", Value: agent.NewValue([]byte("new")),
			Aliases: []agent.Reference{ref("new-arn"), ref("a")},
		}})
		f.fail("arn-of-a", agent.NotFound)
		time.Sleep(2 * time.Minute)
		want(t, c, "a", "new", false)
		want(t, c, "new-arn", "new", false)
		for _, held := range c.Status().Secrets {
			if held.Configured != (held.Version == "version-2") {
				t.Errorf("%s (%s): configured %v", held.Secret, held.Version, held.Configured)
			}
		}
		wantKind(t, c, ref("arn-of-a"), agent.Cached, agent.NotFound)
		if n := len(c.Status().Secrets); n != 1 {
			t.Errorf("%d entries, want the new one alone", n)
		}
	})
}

func TestRecreatedSecretReplacesOneWithoutOtherNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		answer := func(identity, value string) {
			f.answer("a", agent.Result{Secret: &agent.Secret{Name: "a", Value: agent.NewValue([]byte(value)), Aliases: []agent.Reference{ref(identity)}}})
		}
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		f.answer("a", agent.Result{Secret: &agent.Secret{Name: "a", Value: agent.NewValue([]byte("1"))}})
		want(t, c, "a", "1", false)
		time.Sleep(2 * time.Minute)
		answer("x", "22")
		want(t, c, "a", "22", false)
		if s := c.Status(); len(s.Secrets) != 1 || s.Bytes != 2 {
			t.Errorf("status = %+v, want one entry of 2 bytes", s)
		}
	})
}

func TestLateAnswerChangesNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := f.put("a", "old")
		f.slow(10 * time.Second)
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		var late sync.WaitGroup
		late.Go(func() { c.Get(t.Context(), ref("a"), agent.Cached) })
		synctest.Wait()
		time.Sleep(time.Second)
		newer := *s
		newer.Value = agent.NewValue([]byte("new"))
		f.answer("arn-of-a", agent.Result{Secret: &newer})
		f.slow(latency)
		want(t, c, "arn-of-a", "new", false)
		late.Wait() // the older question, whose answer comes now, is the same secret
		want(t, c, "a", "new", false)
		if n := f.fetches(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
	})
}

// TestLateAnswerTakesNoName: the answer to an older question says whom the name
// meant then.
func TestLateAnswerTakesNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("a", "old")
		f.slow(10 * time.Second)
		f.early = true
		c := open(t, agent.Config{Sources: sources(f.source(time.Minute))})
		var late sync.WaitGroup
		late.Go(func() { want(t, c, "a", "new", false) })
		synctest.Wait()
		f.answer("a", agent.Result{Secret: &agent.Secret{
			Name: "a", ARN: "new-arn", Version: "version-2", Value: agent.NewValue([]byte("new")),
			Aliases: []agent.Reference{ref("new-arn"), ref("a")},
		}})
		f.slow(latency)
		time.Sleep(time.Second)
		if r, err := c.Get(t.Context(), ref("a"), agent.Fresh); err != nil || r.Secret.Version != "version-2" {
			t.Fatalf("a fresh read: %+v, %v", r, err)
		}
		late.Wait()
		want(t, c, "a", "new", false)
		if held := c.Status().Secrets; len(held) != 2 || held[0].Secret == held[1].Secret {
			t.Errorf("a refresh would ask for %+v", held)
		}
	})
}

// TestForgottenStaysForgotten: a call that began before the one that brought a
// value, and ends when that has been forgotten, brings nothing back.
func TestForgottenStaysForgotten(t *testing.T) {
	for name, forget := range map[string]func(*testing.T, *fake, *agent.Cache){
		"since it is denied": func(t *testing.T, f *fake, c *agent.Cache) {
			f.fail("a", agent.Denied)
			time.Sleep(time.Second)
			want(t, c, "a", "new", true) // which asks
			time.Sleep(2 * latency)
			wantKind(t, c, ref("a"), agent.Cached, agent.Denied)
		},
		"for want of room": func(t *testing.T, f *fake, c *agent.Cache) {
			f.put("b", "one")
			want(t, c, "b", "one", false)
			f.fail("a", agent.Denied)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.early = true
				f.put("a", "old")
				c := open(t, agent.Config{Sources: sources(f.source(time.Second)), Entries: 1, MaxStale: time.Hour})
				f.slow(3 * time.Second)
				go c.Get(t.Context(), ref("arn-of-a"), agent.Cached)
				synctest.Wait()
				f.slow(latency)
				f.put("a", "new")
				want(t, c, "a", "new", false)
				forget(t, f, c)
				time.Sleep(3 * time.Second)
				wantKind(t, c, ref("a"), agent.Cached, agent.Denied)
			})
		})
	}
}
