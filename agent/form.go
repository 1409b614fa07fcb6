package agent

import "sync"

// spareForms is what the forms of a secret may take in bytes, beside twice the
// value's own.
const spareForms = 4 << 10

// forms are a secret as it is written for some of its readers, so that it is
// written once and not at each read. They live as long as the secret does.
type forms struct {
	mu    sync.Mutex // guards both below
	made  map[string]Value
	bytes int
}

// held returns the secret as a cache holds it.
func (s *Secret) held() *Secret {
	held := *s
	held.forms = &forms{made: map[string]Value{}}
	return &held
}

// Form returns what write makes of the secret, and keeps it under that name, as
// far as there is room. Of a secret that no cache holds nothing is kept. The bytes
// are shared: do not change them.
func (s *Secret) Form(name string, write func(*Secret) ([]byte, error)) ([]byte, error) {
	if s.forms == nil {
		return write(s)
	}
	s.forms.mu.Lock()
	defer s.forms.mu.Unlock()
	if v, ok := s.forms.made[name]; ok {
		return v.Reveal(), nil
	}
	b, err := write(s)
	if err == nil {
		s.forms.keep(name, b, 2*s.Value.Len()+spareForms)
	}
	return b, err
}

// keep keeps b, within most bytes in all, for which it gives up all others. f.mu is
// held.
func (f *forms) keep(name string, b []byte, most int) {
	size := len(name) + len(b)
	if size > most {
		return
	}
	if f.bytes+size > most {
		clear(f.made)
		f.bytes = 0
	}
	f.made[name] = NewValue(b)
	f.bytes += size
}
