package agent_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/larder-secrets/larder/agent"
)

const planted = "hunter2-PLANTED-value"

// assertHidden fails where text shows the planted bytes, plainly or in a form
// that a printer could have given them.
func assertHidden(t *testing.T, text string) {
	t.Helper()
	var decimal []string
	for _, b := range []byte(planted) {
		decimal = append(decimal, fmt.Sprint(b))
	}
	for form, shown := range map[string]string{
		"raw":      planted,
		"part":     planted[:7],
		"base64":   base64.StdEncoding.EncodeToString([]byte(planted))[:8],
		"hex":      hex.EncodeToString([]byte(planted))[:8],
		"bytes":    strings.Join(decimal[:4], " "),
		"literals": strings.Join(decimal[:4], ", "),
		"go hex":   fmt.Sprintf("%#x, %#x", planted[0], planted[1]),
		"spaced":   fmt.Sprintf("% x", planted[:4]),
	} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(shown)) {
			t.Errorf("shows the value (%s): %s", form, text)
		}
	}
}

type exported struct{ V agent.Value }

type unexported struct {
	name string
	v    agent.Value
	p    *agent.Value
	s    []agent.Value
	m    map[string]agent.Value
	any  any
}

// nests returns the value in every place that a program may print it from.
func nests() map[string]any {
	v := agent.NewValue([]byte(planted))
	secret := &agent.Secret{Name: "n", Value: v}
	return map[string]any{
		"value":      v,
		"pointer":    &v,
		"slice":      []agent.Value{v},
		"array":      [1]agent.Value{v},
		"map":        map[string]agent.Value{"k": v},
		"interfaces": []any{v, &v},
		"exported":   exported{v},
		"unexported": unexported{"n", v, &v, []agent.Value{v}, map[string]agent.Value{"k": v}, v},
		"deep":       map[string]any{"a": []any{&unexported{any: exported{v}}}},
		"secret":     secret,
		"secret by":  *secret,
		"result":     agent.Result{Secret: secret},
		"reading":    agent.Reading{Secret: secret},
	}
}

func TestValueIsHiddenFromFmt(t *testing.T) {
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%g", "%t", "%p", "%T", "%08v", "%-40s", "%.3s", "%!", "%z"}
	for name, nest := range nests() {
		for _, verb := range verbs {
			t.Run(name+" "+verb, func(t *testing.T) { assertHidden(t, fmt.Sprintf(verb, nest)) })
		}
		assertHidden(t, fmt.Sprint(nest))
		assertHidden(t, fmt.Sprintln(nest))
	}
}

func TestValuePrintsRedacted(t *testing.T) {
	v := agent.NewValue([]byte(planted))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		if got := fmt.Sprintf(verb, v); got != agent.Redacted {
			t.Errorf("%s = %q, want %q", verb, got, agent.Redacted)
		}
		if got := fmt.Sprintf(verb, exported{v}); !strings.Contains(got, agent.Redacted) {
			t.Errorf("%s of a struct = %q, want it to say %q", verb, got, agent.Redacted)
		}
	}
	if got := v.String(); got != agent.Redacted {
		t.Errorf("String() = %q", got)
	}
	assertHidden(t, v.LogValue().String())
}

func TestValueIsHiddenFromSlogAndJSON(t *testing.T) {
	for name, nest := range nests() {
		t.Run(name, func(t *testing.T) {
			for form, handler := range map[string]func(io.Writer) slog.Handler{
				"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
				"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
			} {
				var out bytes.Buffer
				log := slog.New(handler(&out))
				log.Info("m", "v", nest)
				log.With("v", nest).WithGroup("g").Info("m", slog.Group("h", "v", nest))
				if out.Len() == 0 {
					t.Errorf("%s wrote nothing", form)
				}
				assertHidden(t, out.String())
			}
			text, err := json.Marshal(nest)
			if err != nil {
				text = []byte(err.Error())
			}
			assertHidden(t, string(text))
		})
	}
}

func TestValueIsHiddenInErrors(t *testing.T) {
	for name, nest := range nests() {
		err := fmt.Errorf("reading %v: %w", nest, errors.Join(fmt.Errorf("%+v", nest), fmt.Errorf("%#v", nest)))
		t.Run(name, func(t *testing.T) {
			assertHidden(t, err.Error())
			assertHidden(t, fmt.Sprintf("%+v %#v", err, err))
		})
	}
}

func TestValueAsJSONKeyAndText(t *testing.T) {
	v := agent.NewValue([]byte(planted))
	text, err := v.MarshalText()
	if err != nil || string(text) != agent.Redacted {
		t.Errorf("MarshalText() = %q, %v", text, err)
	}
	text, err = json.Marshal(exported{v})
	if err != nil || string(text) != `{"V":"[redacted]"}` {
		t.Errorf("json.Marshal = %s, %v", text, err)
	}
}

func TestValueReveal(t *testing.T) {
	var zero agent.Value
	full := agent.NewValue([]byte(planted))
	if zero.Len() != 0 || zero.Reveal() != nil {
		t.Errorf("the zero Value holds %d bytes", zero.Len())
	}
	if string(full.Reveal()) != planted || full.Len() != len(planted) {
		t.Error("Reveal does not return what NewValue was given")
	}
	if !full.Equal(agent.NewValue([]byte(planted))) || full.Equal(zero) || !zero.Equal(agent.NewValue(nil)) {
		t.Error("Equal does not compare the bytes")
	}
	assertHidden(t, fmt.Sprintf("%v %+v %#v", zero, zero, zero))
}
