package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// history is what the secrets of a store were, and when.
type history struct {
	aws  *agenttest.AWS
	mu   sync.Mutex // guards eras, and the store's versions
	eras map[string][]era
}

// era is how long a version was the current one, at most: until is zero while it
// is.
type era struct {
	id          string
	from, until time.Time
}

func newHistory(aws *agenttest.AWS, names []string) *history {
	h := &history{aws: aws, eras: map[string][]era{}}
	for _, name := range names {
		h.eras[name] = []era{{id: aws.Put(name, textOf(name, 0)).VersionID}}
	}
	return h
}

// textOf is a value that tells whose it is and which version.
func textOf(name string, version int) string {
	return fmt.Sprintf("%s:%d:%s", name, version, strings.Repeat("x", version%200))
}

// versionIn is textOf backwards.
func versionIn(name, text string) (version int, ok bool) {
	fmt.Sscanf(strings.TrimPrefix(text, name+":"), "%d:", &version)
	return version, text == textOf(name, version)
}

// rotate gives name a new version.
func (h *history) rotate(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	eras := h.eras[name]
	began := time.Now()
	v := h.aws.Rotate(name, textOf(name, len(eras)))
	eras[len(eras)-1].until = time.Now()
	h.eras[name] = append(eras, era{id: v.VersionID, from: began})
}

// current is the number of the version of name that is the current one.
func (h *history) current(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.eras[name]) - 1
}

// era returns when version was the current one.
func (h *history) era(name string, version int) (era, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if version >= len(h.eras[name]) {
		return era{}, false
	}
	return h.eras[name][version], true
}

// rotations counts them.
func (h *history) rotations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, eras := range h.eras {
		n += len(eras) - 1
	}
	return n
}

// rotateAll rotates names at random, so many a second, until done is closed.
func (h *history) rotateAll(names []string, perSecond int, done <-chan struct{}) {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.rotate(names[rand.IntN(len(names))])
		case <-done:
			return
		}
	}
}
