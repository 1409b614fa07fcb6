package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits on the JSON that is looked into. A value past them can still be served
// whole, as bytes.
const (
	maxJSONBytes = 1 << 20
	maxJSONDepth = 64
)

// JSONError says where a text stops being acceptable JSON. It never quotes the
// text, which may be a secret; encoding/json's own errors do.
type JSONError struct {
	Line, Column int // both from 1, the column in bytes
	Problem      string
}

func (e *JSONError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// DecodeObject reads one JSON object into its members' raw texts. Beyond what
// encoding/json asks for, names must be unique at every depth, every escape must
// stand for a character, nesting ends at 64 levels and the text at 1 MiB. The
// error is a [*JSONError].
func DecodeObject(text []byte) (map[string]json.RawMessage, error) {
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		start := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
		return nil, jsonErrorAt(text, int64(start), "this is JSON but not an object")
	}
	return members, nil
}

// jsonMember returns one member of an object: a string's own characters, any
// other value's JSON text.
func jsonMember(text []byte, key string) ([]byte, error) {
	members, err := DecodeObject(text)
	if err != nil {
		// The position is within a secret, which the reader cannot see; the
		// problem alone is what helps.
		var at *JSONError
		errors.As(err, &at)
		return nil, &Error{
			Kind: Invalid, Status: 400, Code: "InvalidJSON",
			Message: fmt.Sprintf("cannot look up key %q: %s", key, at.Problem),
		}
	}
	raw, ok := members[key]
	if !ok {
		return nil, &Error{
			Kind: NotFound, Status: 404, Code: "KeyNotFound",
			Message: fmt.Sprintf("the JSON object has no key %q", key), Hint: "keys are top-level names, matched exactly",
		}
	}
	return MemberText(raw), nil
}

// MemberText returns a JSON string's own characters, or any other JSON value's
// text unchanged. raw must be valid JSON.
func MemberText(raw json.RawMessage) []byte {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	return raw
}

// checkJSON refuses what is not JSON, and what encoding/json lets pass.
func checkJSON(text []byte) error {
	if len(text) > maxJSONBytes {
		return jsonErrorAt(text, 0, fmt.Sprintf("longer than %d bytes", maxJSONBytes))
	}
	if !utf8.Valid(text) { // encoding/json would put U+FFFD into the value
		return jsonErrorAt(text, validUTF8(text), "this is not valid UTF-8")
	}
	if !json.Valid(text) {
		return jsonErrorAt(text, syntaxError(text), "this is not valid JSON")
	}
	if half := loneSurrogate(text); half >= 0 { // and here as well
		return jsonErrorAt(text, half, "this escape is one half of a surrogate pair, without the other")
	}
	var open []*jsonLevel
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // one that does not fit into a float64 is valid JSON all the same
	for {
		before := text[d.InputOffset():]
		token, err := d.Token()
		if err != nil {
			return nil // the end: the syntax has been checked above
		}
		if len(open) > 0 && open[len(open)-1].repeats(token) {
			start := len(text) - len(bytes.TrimLeft(before, ", \t\r\n"))
			return jsonErrorAt(text, int64(start), "this name stands twice in its object")
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if len(open) == maxJSONDepth {
				return jsonErrorAt(text, d.InputOffset()-1, fmt.Sprintf("nested deeper than %d levels", maxJSONDepth))
			}
			open = append(open, &jsonLevel{object: token == json.Delim('{')})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// validUTF8 returns how many bytes of text come before what is not UTF-8.
func validUTF8(text []byte) int64 {
	var n int
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return int64(n)
}

// syntaxError returns how many bytes of text come before its first mistake. The
// space makes an end that comes too early differ from a last byte that is wrong:
// encoding/json gives both the offset of the end.
func syntaxError(text []byte) int64 {
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(append(bytes.Clone(text), ' '), &whole), &syntax) {
		return syntax.Offset - 1
	}
	return 0
}

// loneSurrogate returns how many bytes of text, which is valid JSON, come before
// an escape such as \ud800 that stands for no character by itself; negative:
// there is none.
func loneSurrogate(text []byte) int64 {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		first := escaped(text[i:])
		switch {
		case !utf16.IsSurrogate(first):
			i++ // what is escaped may be a backslash
		case utf16.DecodeRune(first, escaped(text[i+unicodeEscape:])) == utf8.RuneError:
			return int64(i)
		default:
			i += 2*unicodeEscape - 1
		}
	}
	return -1
}

// unicodeEscape is the length of \u0000.
const unicodeEscape = 6

// escaped returns what the \u escape that text starts with says; without one, 0.
func escaped(text []byte) rune {
	if len(text) < unicodeEscape || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	unit, _ := strconv.ParseUint(string(text[2:unicodeEscape]), 16, 16) // four digits: the JSON is valid
	return rune(unit)
}

// jsonLevel is one open object or array.
type jsonLevel struct {
	object bool
	names  map[string]bool
	named  bool // a name has been read and its value has not
}

// repeats reads the next token on this level and reports whether it is a name
// that the object already has.
func (l *jsonLevel) repeats(token json.Token) bool {
	name, text := token.(string)
	if !l.object || l.named || !text {
		l.named = false
		return false
	}
	if l.names[name] {
		return true
	}
	if l.names == nil {
		l.names = map[string]bool{}
	}
	l.names[name], l.named = true, true
	return false
}

func jsonErrorAt(text []byte, offset int64, problem string) *JSONError {
	before := string(text[:min(max(offset, 0), int64(len(text)))])
	return &JSONError{
		Line:    1 + strings.Count(before, "\n"),
		Column:  len(before) - strings.LastIndex(before, "\n"),
		Problem: problem,
	}
}
