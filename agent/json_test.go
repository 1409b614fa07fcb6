package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/larder-secrets/larder/agent"
)

func nested(open, closing string, n int) string {
	return strings.Repeat(open, n) + strings.Repeat(closing, n)
}

func TestDecodeObjectRefuses(t *testing.T) {
	tests := []struct {
		name, text   string
		line, column int
		says         string
	}{
		{"nothing", "", 1, 1, "not valid JSON"},
		{"white space", " \n ", 2, 2, "not valid JSON"},
		{"a word", "hello", 1, 1, "not valid JSON"},
		{"an array", "\n [1]", 2, 2, "not an object"},
		{"a string", `"x"`, 1, 1, "not an object"},
		{"a number", "  42", 1, 3, "not an object"},
		{"null", "null", 1, 1, "not an object"},
		{"an end too early", `{"a": 1`, 1, 8, "not valid JSON"},
		{"an end within a string", "{\n\"a", 2, 3, "not valid JSON"},
		{"an end within a word", `{"a": tru`, 1, 10, "not valid JSON"},
		{"a comma too many", "{\n  \"a\": 1,\n}", 3, 1, "not valid JSON"},
		{"a comma too few", `{"a": 1 "b": 2}`, 1, 9, "not valid JSON"},
		{"a bare value", "{\"a\": secret}\n", 1, 7, "not valid JSON"},
		{"a brace too many", "{\"a\": 1}\n}\n", 2, 1, "not valid JSON"},
		{"a brace too many at the end", `{"a": 1}}`, 1, 9, "not valid JSON"},
		{"a bare value at the end", "x", 1, 1, "not valid JSON"},
		{"a comment", "{} // x", 1, 4, "not valid JSON"},
		{"a byte order mark", "\uFEFF{}", 1, 1, "not valid JSON"},
		{"a name twice", `{"a": 1, "b": 2, "a": 3}`, 1, 18, "stands twice"},
		{"a name twice on lines", "{\n  \"a\": 1,\n  \"a\": 1\n}", 3, 3, "stands twice"},
		{"a name twice, once escaped", `{"a": 1, "\u0061": 2}`, 1, 10, "stands twice"},
		{"a name twice, within", "{\"x\": [{\"o\": {\n\"a\": {}, \"a\": []}}]}", 2, 10, "stands twice"},
		{"an empty name twice", `{"": 1, "": 2}`, 1, 9, "stands twice"},
		{"a name twice behind a number past float64", `{"n": 1e400, "k": "a", "k": "b"}`, 1, 24, "stands twice"},
		{"too deep in arrays", `{"a":` + nested("[", "]", 64) + `}`, 1, 69, "64 levels"},
		{"too deep in objects", nested(`{"a":`, "}", 65)[:5*64] + "{" + strings.Repeat("}", 65), 1, 321, "64 levels"},
		{"too long", `{"a": "` + strings.Repeat("x", 1<<20) + `"}`, 1, 1, "longer than 1048576 bytes"},
		{"the first half of a pair", `{"a": "x\ud83d"}`, 1, 9, "one half of a surrogate pair"},
		{"the second half of a pair", "{\"b\": \"\\\\ud800\",\n\"a\": \"\\uDE00\"}", 2, 7, "one half of a surrogate pair"},
		{"two first halves", `{"a": "\ud83d\ud83d"}`, 1, 8, "one half of a surrogate pair"},
		{"halves in the wrong order", `{"a": "\ude00\ud83d"}`, 1, 8, "one half of a surrogate pair"},
		{"halves that something parts", `{"a": "\ud83d-\ude00"}`, 1, 8, "one half of a surrogate pair"},
		{"half a pair behind a whole one", `{"a": "\ud83d\ude00\ude00"}`, 1, 20, "one half of a surrogate pair"},
		{"half a pair in a name", `{"a": [{"\udfff": 1}]}`, 1, 10, "one half of a surrogate pair"},
		{"not UTF-8", "{\"a\":\n\"pass\xe4word\"}", 2, 6, "not valid UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			members, err := agent.DecodeObject([]byte(test.text))
			var at *agent.JSONError
			if !errors.As(err, &at) {
				t.Fatalf("DecodeObject = %v, %v; want a JSONError", members, err)
			}
			if at.Line != test.line || at.Column != test.column || !strings.Contains(at.Problem, test.says) {
				t.Errorf("got %v; want line %d, column %d: %s", at, test.line, test.column, test.says)
			}
		})
	}
}

func TestDecodeObject(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[string]string
	}{
		{"empty", "{}", map[string]string{}},
		{"white space", "\r\n\t {} \n", map[string]string{}},
		{
			"all types", `{"s" : "x" , "n": 1.50e1 , "t": true,"z": null , "a": [ 1 ] ,"o": { "a": 1 } }`,
			map[string]string{"s": `"x"`, "n": "1.50e1", "t": "true", "z": "null", "a": "[ 1 ]", "o": `{ "a": 1 }`},
		},
		{"one name in two objects", `{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}`, map[string]string{"a": `{"a": 1}`, "b": `[{"a": 1}, {"a": 1}]`}},
		{"a name that is also a value", `{"a": "a", "b": ["a", "a"]}`, map[string]string{"a": `"a"`, "b": `["a", "a"]`}},
		{"names that differ by case", `{"a": 1, "A": 2}`, map[string]string{"a": "1", "A": "2"}},
		{"surrogate pairs", `{"a": "\ud83d\ude00\uD83D\uDE00", "b": "\\ud800 \\\u00e4"}`, map[string]string{"a": `"\ud83d\ude00\uD83D\uDE00"`, "b": `"\\ud800 \\\u00e4"`}},
		{"as deep as may be", `{"a":` + nested("[", "]", 63) + `}`, map[string]string{"a": nested("[", "]", 63)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			members, err := agent.DecodeObject([]byte(test.text))
			if err != nil || len(members) != len(test.want) {
				t.Fatalf("DecodeObject = %q, %v", members, err)
			}
			for name, raw := range test.want {
				if string(members[name]) != raw {
					t.Errorf("%s = %q, want %q", name, members[name], raw)
				}
			}
		})
	}
	full := `{"a":"` + strings.Repeat("x", 1<<20-8) + `"}`
	if _, err := agent.DecodeObject([]byte(full)); err != nil {
		t.Errorf("%d bytes: %v", len(full), err)
	}
}

func TestMemberText(t *testing.T) {
	for raw, want := range map[string]string{
		`"x"`: "x", `""`: "", `"\u00e4\n\"\\"`: "ä\n\"\\", `42`: "42", `1.50`: "1.50", `true`: "true", `null`: "null", `{"a": "b"}`: `{"a": "b"}`, `[ ]`: "[ ]",
	} {
		if got := string(agent.MemberText(json.RawMessage(raw))); got != want {
			t.Errorf("MemberText(%s) = %q, want %q", raw, got, want)
		}
	}
}

func TestSecretKey(t *testing.T) {
	const object = `{"user": "app", "port": 5432, "a.b": [1, 2], "nested": {"user": "no"}, "none": null, "": "empty name"}`
	tests := []struct {
		name, text, key, want string
		kind                  agent.Kind
		says                  string
	}{
		{"the whole", object, "", object, 0, ""},
		{"the whole of what is no JSON", planted, "", planted, 0, ""},
		{"a string", object, "user", "app", 0, ""},
		{"a number", object, "port", "5432", 0, ""},
		{"a literal name", object, "a.b", "[1, 2]", 0, ""},
		{"an object", object, "nested", `{"user": "no"}`, 0, ""},
		{"null", object, "none", "null", 0, ""},
		{"no path", object, "nested.user", "", agent.NotFound, `no key "nested.user"`},
		{"other case", object, "User", "", agent.NotFound, `no key "User"`},
		{"no JSON", planted, "user", "", agent.Invalid, "not valid JSON"},
		{"no object", `["` + planted + `"]`, "user", "", agent.Invalid, "not an object"},
		{"a name twice", `{"user": "` + planted + `", "user": "x"}`, "user", "", agent.Invalid, "stands twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &agent.Secret{Name: "database", Value: agent.NewValue([]byte(test.text))}
			v, err := s.Key(test.key)
			if test.says == "" {
				if err != nil || string(v.Reveal()) != test.want {
					t.Errorf("Key(%q) = %q, %v; want %q", test.key, v.Reveal(), err, test.want)
				}
				return
			}
			if err == nil || agent.AsError(err).Kind != test.kind || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), `"database"`) {
				t.Fatalf("Key(%q): %v; want %v that says %q", test.key, err, test.kind, test.says)
			}
			assertHidden(t, err.Error())
			if strings.Contains(err.Error(), "column") {
				t.Errorf("the error tells a position within the secret: %v", err)
			}
		})
	}
}

func FuzzDecodeObject(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		members, err := agent.DecodeObject(text)
		whole := &agent.Secret{Name: "database", Value: agent.NewValue(text)}
		if err != nil {
			wantPosition(t, text, err)
			if members != nil {
				t.Errorf("%q beside the error %v", members, err)
			}
			if _, err := whole.Key("k"); err == nil || agent.AsError(err).Kind != agent.Invalid {
				t.Errorf("a key of what is refused: %v", err)
			}
			return
		}
		for name, raw := range members {
			value := agent.MemberText(raw)
			if got, err := whole.Key(name); name != "" && (err != nil || string(got.Reveal()) != string(value)) {
				t.Errorf("Key(%q) = %q, %v; want %q", name, got.Reveal(), err, value)
			}
			var text string
			if json.Unmarshal(raw, &text) == nil && string(raw) != "null" {
				raw = json.RawMessage(text)
			}
			if string(value) != string(raw) {
				t.Errorf("%q is %q, want %q", name, value, raw)
			}
		}
		wantLossless(t, text)
		written, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := agent.DecodeObject(written); len(written) <= 1<<20 && (err != nil || len(again) != len(members)) {
			t.Errorf("written again as %q: %q, %v", written, again, err)
		}
	})
}

// problems are all that is ever said about a text: nothing of its own.
var problems = regexp.MustCompile(`^line (\d+), column (\d+): (longer than 1048576 bytes|nested deeper than 64 levels|this name stands twice in its object|this escape is one half of a surrogate pair, without the other|this is (not valid UTF-8|not valid JSON|JSON but not an object))$`)

// wantPosition fails t unless err says in fixed words what is wrong, and where
// within the text.
func wantPosition(t *testing.T, text []byte, err error) {
	t.Helper()
	var at *agent.JSONError
	if !errors.As(err, &at) || !problems.MatchString(err.Error()) {
		t.Fatalf("error %v", err)
	}
	lines := strings.Split(string(text), "\n")
	if at.Line < 1 || at.Line > len(lines) || at.Column < 1 || at.Column > len(lines[at.Line-1])+1 {
		t.Errorf("%v is not in the text %q", at, text)
	}
}

// wantLossless fails t where an ordinary reader of text sees less than stands
// there: the last of two names, or U+FFFD for what is no character.
func wantLossless(t *testing.T, text []byte) {
	t.Helper()
	var read any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&read); err != nil || !json.Valid(text) {
		t.Fatalf("what is not JSON was accepted: %v", err)
	}
	written, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tokens(written), tokens(text); got != want {
		t.Errorf("%d of %d tokens are left", got, want)
	}
	literal := bytes.ContainsRune(text, utf8.RuneError) || bytes.Contains(bytes.ToLower(text), []byte("fffd"))
	if !literal && bytes.ContainsRune(written, utf8.RuneError) {
		t.Errorf("U+FFFD stands for something in %q", text)
	}
}

// tokens returns how many there are in text, which is JSON.
func tokens(text []byte) int {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for n := 0; ; n++ {
		if _, err := d.Token(); err != nil {
			return n
		}
	}
}
