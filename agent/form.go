package agent

import "sync"

// maxForms is how many forms are kept of one secret.
const maxForms = 4

// forms are a secret as it is written for some of its readers, so that it is
// written once and not at each read. They live as long as the secret does.
type forms struct {
	mu   sync.Mutex // guards made
	made map[string]Value
}

// held returns the secret as a cache holds it.
func (s *Secret) held() *Secret {
	held := *s
	held.forms = &forms{}
	return &held
}

// Form returns what write makes of the secret, and keeps it under that name. Of a
// secret that no cache holds nothing is kept. The bytes are shared: do not change
// them.
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
	if err != nil {
		return nil, err
	}
	if s.forms.made == nil || len(s.forms.made) >= maxForms {
		s.forms.made = map[string]Value{}
	}
	s.forms.made[name] = NewValue(b)
	return b, nil
}
