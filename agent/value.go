package agent

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a [Value] prints instead of itself.
const Redacted = "[redacted]"

// Value is a secret's bytes. It can be handed about, compared with nothing,
// logged and printed without showing them: every verb of fmt, slog and
// encoding/json write "[redacted]". The bytes sit behind a closure because fmt
// ignores methods on values in unexported fields and would print a string or a
// byte slice there; of a function it prints an address.
//
// The zero Value is empty.
type Value struct{ reveal func() []byte }

// NewValue takes ownership of b: the caller must not change it afterwards.
func NewValue(b []byte) Value { return Value{reveal: func() []byte { return b }} }

// Reveal returns the bytes themselves. They are shared: do not change them.
func (v Value) Reveal() []byte {
	if v.reveal == nil {
		return nil
	}
	return v.reveal()
}

// Len returns the number of bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal reports whether both hold the same bytes. It is meant for noticing a
// change, not for checking a credential: it does not run in constant time.
func (v Value) Equal(w Value) bool { return bytes.Equal(v.Reveal(), w.Reveal()) }

// Format implements [fmt.Formatter] for every verb.
func (v Value) Format(s fmt.State, _ rune) { io.WriteString(s, Redacted) }

// String implements [fmt.Stringer] for callers that do not go through fmt.
func (v Value) String() string { return Redacted }

// LogValue implements [slog.LogValuer].
func (v Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements [encoding.TextMarshaler], which encoding/json uses too.
func (v Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
