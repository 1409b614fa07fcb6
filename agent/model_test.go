package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/larder-secrets/larder/agent"
)

const modelStepsPerSeed = 250

// TestModel does things at random to a cache and its store, and checks each read
// against what the cache promises. LARDER_MODEL_STEPS says how many things, and
// LARDER_MODEL_SEED repeats the run of a seed that was printed.
func TestModel(t *testing.T) {
	steps := number(t, "LARDER_MODEL_STEPS", 20_000)
	first := number(t, "LARDER_MODEL_SEED", int(time.Now().UnixNano()&0xffffff))
	if os.Getenv("LARDER_MODEL_SEED") != "" {
		steps = modelStepsPerSeed
	}
	t.Logf("%d steps from seed %d on", steps, first)
	for seed := first; steps > 0 && !t.Failed(); seed, steps = seed+1, steps-modelStepsPerSeed {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, uint64(seed))
			synctest.Test(t, func(t *testing.T) { newModel(t, uint64(seed)).run(min(steps, modelStepsPerSeed)) })
		})
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// model is one cache with its store, and what has been read so far.
type model struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	store  *modelStore
	config agent.Config
	ttl    time.Duration
	cache  *agent.Cache
	done   []string // the last operations

	mu   sync.Mutex // guards seen
	seen map[agent.Reference]seen
}

// seen is the newest that a read of a reference got.
type seen struct {
	asOf, at      time.Time
	born, version int
}

var modelNames = []string{"west/a", "west/b", "west/c-abcdef", "east/a", "east/b", "east/c"}

func newModel(t *testing.T, seed uint64) *model {
	random := rand.New(rand.NewPCG(seed, 1))
	m := &model{t: t, seed: seed, random: random, store: newModelStore(rand.New(rand.NewPCG(seed, 2))), seen: map[agent.Reference]seen{}}
	m.ttl = pick(random, time.Second, 10*time.Second, 5*time.Minute)
	source := agent.Source{
		Open: func(context.Context) (agent.Backend, error) { return m.store, nil },
		TTL:  m.ttl, Timeout: pick(random, 2*time.Second, 10*time.Second), Place: placeOfModel,
	}
	m.config = agent.Config{
		Sources: sources(source), Secrets: specs(modelNames[:random.IntN(4)]...),
		MaxStale:    pick(random, 0, time.Minute, time.Hour),
		RefreshWait: pick(random, 0, 250*time.Millisecond, time.Second),
		Entries:     pick(random, 0, 0, 4),
		Log:         slog.New(slog.NewTextHandler(valueless{t}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	m.store.patience = m.config.RefreshWait
	m.cache = agent.New(m.config)
	for _, name := range modelNames {
		m.store.become(name, func(s *modelState) { s.born, s.version = 1, 1 })
	}
	return m
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

func (m *model) run(steps int) {
	defer m.cache.Close()
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	if m.random.IntN(3) == 0 {
		go m.cache.Maintain(ctx)
	}
	for range steps {
		m.step(ctx)
		synctest.Wait() // what it has ended may take until then to be over
		m.checkStore()
		if m.t.Failed() {
			m.t.Logf("seed %d: %v MaxStale, %v RefreshWait, %v TTL, %d entries, configured %v\n%s", m.seed, m.config.MaxStale,
				m.config.RefreshWait, m.ttl, m.config.Entries, m.config.Secrets, strings.Join(m.done[max(0, len(m.done)-25):], "\n"))
			return
		}
	}
}

// step does one thing.
func (m *model) step(ctx context.Context) {
	name := pick(m.random, modelNames...)
	switch n := m.random.IntN(100); {
	case n < 40:
		m.read(ctx, m.reference(name), agent.Cached)
	case n < 46:
		m.burst(ctx, name)
	case n < 50:
		m.aliases(ctx, name)
	case n < 54:
		m.request(ctx, m.reference(name))
	case n < 60:
		budget := pick(m.random, -time.Second, 50*time.Millisecond, time.Second, 10*time.Second)
		m.note("refresh within %v", budget)
		budgeted, cancel := context.WithTimeout(ctx, budget)
		m.cache.Refresh(budgeted)
		cancel()
	case n < 61:
		m.note("prefetch")
		budgeted, cancel := context.WithTimeout(ctx, time.Second)
		m.store.prefetch(true)
		m.cache.Prefetch(budgeted)
		m.store.prefetch(false)
		cancel()
	case n < 62:
		m.note("drop")
		m.store.drop()
		m.cache.Drop()
		m.mu.Lock()
		clear(m.seen)
		m.mu.Unlock()
	case n < 64:
		m.status()
	case n < 78:
		m.sleep()
	case n < 90:
		m.change(name)
	default:
		m.disturb(name)
	}
}

func (m *model) note(format string, args ...any) {
	m.done = append(m.done, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// reference is one of the many ways to ask for name.
func (m *model) reference(name string) agent.Reference {
	r := ref(name)
	if m.random.IntN(4) == 0 {
		m.store.mu.Lock()
		born := m.store.now(name).born
		m.store.mu.Unlock()
		r.ID = fmt.Sprintf("arn:%s-%d", name, max(1, born-m.random.IntN(2)))
	}
	if m.random.IntN(6) == 0 {
		r.Query = "versionStage=AWSPREVIOUS"
	}
	return r
}

// sleep passes time, most of it near the moments at which something ends.
func (m *model) sleep() {
	d := pick(m.random, time.Microsecond, 10*time.Millisecond, 250*time.Millisecond, 500*time.Millisecond, 5*time.Second, 30*time.Second,
		m.ttl*8/10, m.ttl*9/10, m.ttl-time.Nanosecond, m.ttl, m.ttl+m.config.MaxStale, time.Hour)
	if m.random.IntN(2) == 0 {
		d = time.Duration(m.random.Int64N(int64(d) + 1))
	}
	m.note("%v pass", d)
	time.Sleep(d)
}

// change changes the secret.
func (m *model) change(name string) {
	n := m.random.IntN(10)
	m.store.become(name, func(s *modelState) {
		switch {
		case n < 6 && !s.deleted:
			s.version, s.previous = s.version+1, s.version
		case n < 7:
			s.denied = !s.denied
		case n < 8:
			s.deleted = true
		default:
			s.deleted, s.born, s.version, s.previous = false, s.born+1, 1, 0
		}
		m.note("%s becomes %d %d, deleted %v, denied %v", name, s.born, s.version, s.deleted, s.denied)
	})
}

// disturb lets something go wrong, or right again.
func (m *model) disturb(name string) {
	what := pick(m.random, name, placeOfModel(ref(name)))
	fault := modelFault(0)
	if m.random.IntN(2) == 0 {
		fault = modelFault(m.random.IntN(int(faults)))
	}
	wait := pick(m.random, 0, latency, latency, 400*time.Millisecond, 1500*time.Millisecond)
	m.note("%s: fault %d, calls take %v", what, fault, wait)
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	m.store.faults[what] = fault
	if m.random.IntN(4) == 0 {
		clear(m.store.faults)
	}
	m.store.latency = wait
}

// burst reads one secret by several names at the same time.
func (m *model) burst(ctx context.Context, name string) {
	var readers sync.WaitGroup
	refs := []agent.Reference{m.reference(name), m.reference(name), ref(name), m.reference(pick(m.random, modelNames...))}
	for _, r := range refs {
		m.note("at once: %s", r)
		readers.Go(func() { m.check(ctx, r, agent.Cached) })
	}
	readers.Wait()
}

func (m *model) read(ctx context.Context, r agent.Reference, mode agent.Mode) (agent.Reading, error) {
	reading, err := m.check(ctx, r, mode)
	if err != nil {
		m.note("%s: %v", r, err)
	} else {
		m.note("%s: %s, age %v, stale %v, waited %v", r, reading.Secret.Value.Reveal(), reading.Age, reading.Stale, reading.Waited)
	}
	return reading, err
}

// status checks the bounds, and that nothing shows.
func (m *model) status() {
	m.note("status")
	status := m.cache.Status()
	text, err := json.Marshal(status)
	if err != nil {
		m.t.Error(err)
	}
	valueless{m.t}.Write(text)
	if most := m.config.Entries; most > 0 && len(status.Secrets) > most+len(m.config.Secrets) {
		m.t.Errorf("%d secrets are held, want at most %d", len(status.Secrets), most)
	}
	names := map[string]bool{}
	for _, held := range status.Secrets {
		if names[held.Secret] {
			m.t.Errorf("%s is held twice", held.Secret)
		}
		names[held.Secret] = true
	}
}

// valueless fails the test when a value is written to it.
type valueless struct{ t *testing.T }

func (w valueless) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte("VALUE")) {
		w.t.Errorf("a value shows: %s", text)
	}
	return len(text), nil
}

// checkStore fails on calls that should not have been made.
func (m *model) checkStore() {
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	for _, calls := range m.store.strange {
		if first, second := calls[0], calls[1]; first.over.IsZero() || first.over.After(second.began) {
			m.t.Errorf("%s and %s were asked for at once at %s, though their place is down", first.ref, second.ref, second.began.Format("15:04:05.000"))
		}
	}
	m.store.strange = nil
}
