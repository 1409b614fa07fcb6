package agent

import (
	"fmt"
	"slices"
	"time"
)

// Secret is what a backend answers. Whoever receives one shares it: nothing in
// it is changed after it has been delivered.
type Secret struct {
	Name    string
	ARN     string // the store's own unique name; empty where it has none
	Version string // changes whenever the value does
	Stages  []string
	Created time.Time
	Value   Value

	Binary    bool // stored as bytes rather than as text
	Immutable bool // this version's value can never change

	// Aliases are the references that this answer is the answer to, as the
	// store told, never as the text suggests. The first is the secret's
	// identity: answers with the same first alias are kept once.
	Aliases []Reference

	// Detail carries what only the backend's own endpoint shows.
	Detail map[string]string

	forms *forms // of a secret that a cache holds
}

// Key returns one top-level member of a JSON secret: a string's own characters,
// anything else as its JSON text. An empty key is the whole value.
func (s *Secret) Key(key string) (Value, error) {
	if key == "" {
		return s.Value, nil
	}
	v, err := jsonMember(s.Value.Reveal(), key)
	if err != nil {
		return Value{}, fmt.Errorf("secret %q: %w", s.Name, err)
	}
	return NewValue(v), nil
}

// answers reports whether the secret is what ref names, as far as its backend
// tells.
func (s *Secret) answers(ref Reference) bool {
	return len(s.Aliases) == 0 || slices.Contains(s.Aliases, ref)
}
