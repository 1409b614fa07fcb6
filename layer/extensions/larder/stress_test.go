package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

const (
	stressNames     = 1000
	stressReaders   = 64
	stressTTL       = 2 * time.Second
	stressRotations = 300                   // a second
	stressPace      = 16 * time.Millisecond // between two reads of one reader
)

// TestStress reads, rotates, fails, stops and continues for LARDER_STRESS, ten
// seconds if that is not set, and holds every read against the promises. It
// writes a table to LARDER_STRESS_TABLE.
func TestStress(t *testing.T) {
	lasts := 10 * time.Second
	if text := os.Getenv("LARDER_STRESS"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("LARDER_STRESS: %v", err)
		}
	}
	t.Run("with the race detector", func(t *testing.T) {
		if !raceEnabled {
			t.Skip("these tests run without it")
		}
		stressed(t, binary, lasts)
	})
	t.Run("as shipped", func(t *testing.T) {
		stressed(t, shipped(), lasts).flat() // the race detector takes memory of its own
	})
}

// stressed has done all of it to the extension.
func stressed(t *testing.T, extension string, lasts time.Duration) *stress {
	s := newStress(t, extension)
	s.warmUp()
	before := s.goroutines()
	s.run(lasts)
	s.recovers()
	s.bounded()
	if after := s.goroutines(); after > before {
		t.Errorf("%d goroutines, and %d before", after, before)
	}
	s.report(lasts)
	return s
}

// stress is what goes on at once.
type stress struct {
	*bench
	aws     *agenttest.AWS
	names   []string
	history *history
	traces  map[string]*trace
	outage  outage
	began   time.Time
	faults  atomic.Int64 // found

	mu     sync.Mutex // guards all below
	counts map[string]int
	took   []time.Duration // by reads that no stop touched
	stops  []time.Time     // when each stop began and ended
	fails  int             // outages
	memory []int           // KiB, one after the other
}

func newStress(t *testing.T, extension string) *stress {
	aws := agenttest.NewAWS(t)
	s := &stress{aws: aws, traces: map[string]*trace{}, counts: map[string]int{}}
	for i := range stressNames {
		name := fmt.Sprintf("stress/%04d", i)
		s.names = append(s.names, name)
		s.traces[name] = &trace{}
	}
	s.history = newHistory(aws, s.names)
	s.fail(nil)
	env := with(agenttest.Environment(aws.URL),
		"LARDER_SECRETS", strings.Join(s.names, ","), "LARDER_TTL", stressTTL.String(), "LARDER_MAX_STALE", "1h", "LARDER_LOG_LEVEL", "warn")
	s.bench = start(t, env, func(c *lambdatest.Config) { c.Extensions = []string{extension} }).init()
	return s
}

// fail lets every call fail in the way given; nil lets them succeed.
func (s *stress) fail(fault agenttest.Fault) {
	if fault == nil {
		fault = func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
			s.outage.answer(func() { answer.ServeHTTP(w, r) })
		}
	}
	s.aws.Always("", fault)
}

// warmUp reads every name in every form, so that no later read is the first.
func (s *stress) warmUp() {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	s.began = time.Now()
	for i, name := range s.names {
		for f := byName; f <= byExtension; f++ {
			if f == byPartialARN && !partial(i) {
				continue
			}
			if r := s.read(client, name, f); r.status != http.StatusOK {
				s.t.Fatalf("%s: status %d, %v: %s", f.path(name), r.status, r.err, r.body)
			}
		}
	}
}

// partial reports whether the name is read by partial ARN too: no answer teaches
// the cache that, so that the first of each is a miss, and those are bounded.
func partial(name int) bool { return name%20 == 0 }

func (s *stress) run(lasts time.Duration) {
	s.aws.Forget()
	s.began = time.Now()
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range stressReaders {
		all.Go(func() { s.reader(i, done) })
	}
	all.Go(func() { s.history.rotateAll(s.names, stressRotations, done) })
	all.Go(func() { s.invoke(done) })
	all.Go(func() { s.watchMemory(done) })
	s.disturb(s.began.Add(lasts))
	close(done)
	all.Wait()
}

// slot is what goes wrong for a while, and the stop within.
type slot struct {
	lasts, stop time.Duration
	fault       agenttest.Fault
}

// disturb fails and recovers, stops and continues, until end.
func (s *stress) disturb(end time.Time) {
	for {
		for _, slot := range []slot{
			{lasts: time.Second},
			{lasts: 2 * time.Second, fault: agenttest.Hang(nil)},
			{lasts: time.Second, stop: 500 * time.Millisecond},
			{lasts: 1200 * time.Millisecond, fault: agenttest.Refuse(503, "ServiceUnavailable", "later")},
			{lasts: time.Second},
			{lasts: 1200 * time.Millisecond, fault: agenttest.Refuse(400, "ThrottlingException", "Rate exceeded"), stop: 300 * time.Millisecond},
			{lasts: time.Second},
			{lasts: 1200 * time.Millisecond, fault: agenttest.Reset()},
			{lasts: time.Second, stop: 3 * time.Second},
		} {
			s.fail(slot.fault)
			if slot.fault != nil {
				s.fails++
			}
			pause(slot.lasts / 2)
			if slot.stop > 0 {
				s.stop(slot.stop)
			}
			pause(slot.lasts / 2)
			if time.Now().After(end) {
				s.fail(nil)
				return
			}
		}
	}
}

func pause(d time.Duration) { <-time.After(d) }

// stop stands the process still.
func (s *stress) stop(lasts time.Duration) {
	began := time.Now()
	s.Freeze()
	pause(lasts)
	s.Thaw()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops = append(s.stops, began, time.Now())
}

// reader reads one name after the other until done is closed.
func (s *stress) reader(number int, done <-chan struct{}) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(stressPace)
	defer tick.Stop()
	var readings []reading
	defer func() { s.collect(readings) }()
	for i := number * stressNames / stressReaders; ; i = (i + 1) % stressNames {
		select {
		case <-tick.C:
		case <-done:
			return
		}
		name := s.names[i]
		freshUntil, newest := s.traces[name].known()
		r := s.read(client, name, s.choose(number, i))
		s.check(&r, freshUntil, newest)
		r.body, r.header = nil, nil
		readings = append(readings, r)
	}
}

// choose picks how the reader asks.
func (s *stress) choose(reader, name int) form {
	switch n := rand.IntN(1000); {
	case n < 3:
		return pastCache
	case n < 10:
		return missing
	case n < 110:
		return byExtension
	case n < 200:
		return byARN
	case n < 250:
		return byStage
	case partial(name):
		return byPartialARN
	default:
		return byName
	}
}

// invoke lets an invocation come now and then, which refreshes.
func (s *stress) invoke(done <-chan struct{}) {
	for {
		if _, err := s.Invoke(context.WithoutCancel(s.t.Context()), []byte("[]")); err != nil {
			s.t.Errorf("invoke: %v", err)
			return
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-done:
			return
		}
	}
}

func (s *stress) watchMemory(done <-chan struct{}) {
	for {
		kib := s.resident()
		s.mu.Lock()
		s.memory = append(s.memory, kib)
		s.mu.Unlock()
		select {
		case <-time.After(100 * time.Millisecond):
		case <-done:
			return
		}
	}
}

// recovers waits until every secret is served as it is by now.
func (s *stress) recovers() {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, name := range s.names {
		eventually(s.t, name+" is current again", func() bool {
			r := s.read(client, name, byName)
			version, _, err := r.version()
			return err == nil && !r.stale() && version == s.history.current(name)
		})
	}
}

// goroutines counts the agent's while nothing goes on: no connection is open to
// the backend, and none but the one that asks to it.
func (s *stress) goroutines() int {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var status struct{ Connections, Goroutines int }
	least := 0
	eventually(s.t, "the agent is idle", func() bool {
		s.aws.CloseIdle()
		_, _, body := s.direct(client, "/status")
		if err := json.Unmarshal(body, &status); err != nil {
			s.t.Fatal(err)
		}
		settled := status.Goroutines == least && status.Connections == 1
		least = status.Goroutines
		return settled
	})
	return least
}
