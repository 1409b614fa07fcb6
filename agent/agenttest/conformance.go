package agenttest

import (
	"testing"

	"github.com/larder-secrets/larder/agent"
)

// Harness is a backend and the store that it reads. The functions change the
// real store, past the backend; they fail t where they cannot, and when they
// return the store answers accordingly. The names that they get consist of
// letters, digits and dashes.
type Harness struct {
	Scheme string
	Source agent.Source

	// Put stores value, which is text, under name: as a new secret, or as the
	// new value of the one that is there.
	Put func(t testing.TB, name, value string)

	// Delete removes the secret called name, as the store's users do.
	Delete func(t testing.TB, name string)

	// PutBinary stores bytes that are no text. nil: the store holds only text.
	PutBinary func(t testing.TB, name string, value []byte)

	// PutEmpty makes a secret that has no value. nil: the store has none such.
	PutEmpty func(t testing.TB, name string)

	// MaxValue is the longest value that the store takes, in bytes; 0 means
	// that it takes 60 KiB.
	MaxValue int
}

const maxValue = 60 << 10

// Conformance tests that the backend keeps the contract of [agent.Backend]. The
// store may hold anything but secrets whose names begin with "larder-"; it ends
// with some of them. t must not be parallel to other tests: the suite looks at
// which goroutines there are.
func Conformance(t *testing.T, h Harness) {
	if h.MaxValue == 0 {
		h.MaxValue = maxValue
	}
	backend, err := h.Source.Open(t.Context())
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	s := &suite{Harness: h, backend: backend}
	for _, check := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"found", s.found},
		{"missing", s.missing},
		{"deleted", s.deleted},
		{"empty", s.empty},
		{"JSON", s.json},
		{"binary", s.binary},
		{"large", s.large},
		{"version", s.version},
		{"identity", s.identity},
		{"unknown parameter", s.unknownParameter},
		{"many at once", s.manyAtOnce},
		{"nothing asked", s.nothingAsked},
		{"concurrent", s.concurrent},
		{"cancelled before", s.cancelledBefore},
		{"cancelled on the way", s.cancelledOnTheWay},
		{"no goroutine left", s.noGoroutineLeft},
		{"no late delivery", s.noLateDelivery}, // the last: it judges all before
	} {
		t.Run(check.name, check.run)
	}
}
