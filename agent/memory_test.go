package agent_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestManyNamesStayWithinTheBounds: of a hundred thousand names that are asked
// for, found or not, memory holds what the bounds allow.
func TestManyNamesStayWithinTheBounds(t *testing.T) {
	const (
		names   = 100_000
		entries = 1000
		size    = 1000    // bytes of each value
		most    = 6 << 20 // 1 MB of values, 1 MiB of failures, and what finds them again
	)
	synctest.Test(t, func(t *testing.T) {
		value := strings.Repeat("x", size)
		store := fetchFunc(func(_ context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
			for i, r := range refs {
				if strings.HasPrefix(r.ID, "missing") {
					deliver(i, agent.Result{Err: &agent.Error{Kind: agent.NotFound, Status: 404, Message: "no " + r.ID}})
					continue
				}
				deliver(i, agent.Result{Secret: &agent.Secret{
					Name: r.ID, ARN: "arn-of-" + r.ID, Value: agent.NewValue([]byte(value)),
					Aliases: []agent.Reference{ref("arn-of-" + r.ID), r},
				}})
			}
		})
		c := open(t, agent.Config{Sources: sources(store.source()), Entries: entries})
		before := heap()
		for i := range names / 2 {
			want(t, c, fmt.Sprint("found-", i), value, false)
			wantKind(t, c, ref(fmt.Sprint("missing-", i)), agent.Cached, agent.NotFound)
			time.Sleep(20 * time.Millisecond) // within the budget of misses
		}
		grown := heap() - before
		t.Logf("after %d names the heap has grown by %d KiB", names, grown>>10)
		if grown > most {
			t.Errorf("the heap has grown by %d bytes, want at most %d", grown, most)
		}
		if s := c.Status(); len(s.Secrets) != entries || s.Bytes != entries*size {
			t.Errorf("%d secrets of %d bytes are held", len(s.Secrets), s.Bytes)
		}
	})
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
