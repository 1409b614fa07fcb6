package agenttest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

func (s *suite) found(t *testing.T) {
	ref := s.put(t, "found-it", planted+" \u00e4\n\t\"quoted\" ")
	secret := s.want(t, ref, planted+" \u00e4\n\t\"quoted\" ")
	if secret.Name != ref.ID || secret.Binary {
		t.Errorf("name %q and binary %v, want %q and false", secret.Name, secret.Binary, ref.ID)
	}
	// Names may end as the ARNs of Secrets Manager do.
	s.want(t, s.put(t, "found-abc123", planted+"-suffix"), planted+"-suffix")
}

func (s *suite) missing(t *testing.T) {
	ref := s.ref("is-not-there")
	wantKind(t, ref, s.one(t, ref), agent.NotFound)
}

func (s *suite) deleted(t *testing.T) {
	ref := s.put(t, "to-delete", planted)
	s.want(t, ref, planted)
	s.Delete(t, ref.ID)
	wantKind(t, ref, s.one(t, ref), agent.NotFound)
}

// empty: what has no value is an error, not a value of no bytes, which a reader
// would take for a password.
func (s *suite) empty(t *testing.T) {
	if s.PutEmpty == nil {
		t.Skip("the store holds no secret without a value")
	}
	ref := s.ref("empty-one")
	s.PutEmpty(t, ref.ID)
	wantKind(t, ref, s.one(t, ref), agent.NotFound, agent.Invalid)
}

func (s *suite) json(t *testing.T) {
	const text = `{"user":"app","password":"` + planted + `","port":5432}`
	secret := s.want(t, s.put(t, "json-object", text), text)
	for key, want := range map[string]string{"user": "app", "password": planted, "port": "5432"} {
		if value, err := secret.Key(key); err != nil || string(value.Reveal()) != want {
			t.Errorf("key %q is not what was stored (error: %v)", key, err)
		}
	}
}

func (s *suite) binary(t *testing.T) {
	if s.PutBinary == nil {
		t.Skip("the store holds text alone")
	}
	want := append([]byte{0, 0xff, 0xfe, '"', '\\', 0x80, '\n'}, planted...)
	ref := s.ref("binary-one")
	s.PutBinary(t, ref.ID, want)
	secret := s.want(t, ref, string(want))
	if !secret.Binary || !bytes.Equal(secret.Value.Reveal(), want) {
		t.Error("the secret is not marked as binary")
	}
}

func (s *suite) large(t *testing.T) {
	value := planted + strings.Repeat("0123456789abcdef", s.MaxValue/16)
	value = value[:s.MaxValue]
	s.want(t, s.put(t, "large-one", value), value)
}

func (s *suite) version(t *testing.T) {
	ref := s.put(t, "version-one", planted+"-one")
	first := s.want(t, ref, planted+"-one")
	if again := s.want(t, ref, planted+"-one"); again.Version != first.Version {
		t.Errorf("the version went from %q to %q with the value the same", first.Version, again.Version)
	}
	s.put(t, "version-one", planted+"-two")
	second := s.want(t, ref, planted+"-two")
	if second.Version == first.Version {
		t.Errorf("the version is still %q with another value", first.Version)
	}
	if string(first.Value.Reveal()) != planted+"-one" {
		t.Error("a secret changed after it was delivered")
	}
}

// identity: the first alias stays whatever the value is and whichever alias is
// asked for, and no two secrets share one.
func (s *suite) identity(t *testing.T) {
	ref := s.put(t, "identity-one", planted+"-one")
	other := s.want(t, s.put(t, "identity-two", planted+"-two"), planted+"-two")
	first := s.want(t, ref, planted+"-one")
	if first.Aliases[0] == other.Aliases[0] {
		t.Fatalf("two secrets are both %s", first.Aliases[0])
	}
	s.put(t, "identity-one", planted+"-new")
	for _, alias := range append(first.Aliases, ref) {
		if alias.Scheme != s.Scheme {
			t.Errorf("alias %s is of another backend", alias)
		}
		if got := s.want(t, alias, planted+"-new"); got.Aliases[0] != first.Aliases[0] {
			t.Errorf("asked by its alias %s the secret is %s, want %s", alias, got.Aliases[0], first.Aliases[0])
		}
	}
}
