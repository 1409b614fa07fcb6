package agent

import (
	"context"
	"io"
	"sync"
	"time"
)

const defaultTimeout = 30 * time.Second

// store is a source and its backend, which is opened on first use.
type store struct {
	Source
	limits limits        // guarded by Cache.mu
	turn   chan struct{} // holds one token; whoever has it may open the backend

	mu      sync.Mutex // guards backend
	backend Backend
}

func newStore(source Source) *store {
	s := &store{Source: source, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

func (s *store) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return defaultTimeout
}

// open returns the backend, opening it once for all who ask meanwhile. After a
// failure the next caller tries again.
func (s *store) open(ctx context.Context) (Backend, error) {
	if b := s.opened(); b != nil {
		return b, nil
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	if b := s.opened(); b != nil {
		return b, nil
	}
	b, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backend = b
	return b, nil
}

func (s *store) opened() Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backend
}

// reset closes the backend; the next call opens another. Calls under way end in
// the old one.
func (s *store) reset() { s.leave()() }

// leave is reset, but for the closing, which it returns.
func (s *store) leave() (closing func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backend
	s.backend = nil
	return func() {
		if closer, ok := b.(io.Closer); ok {
			closer.Close() // nothing is written that an error could be about
		}
	}
}

// identity is as whom the backend asks, where it knows.
func (s *store) identity() string {
	if b, ok := s.opened().(Identifier); ok {
		return b.Identity()
	}
	return ""
}
