package config_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/larder-secrets/larder/agent/config"
)

// FuzzLoad sets two variables, by name, and the function's memory: what results
// is a configuration within its documented ranges, or every mistake with the
// variable that it is in.
func FuzzLoad(f *testing.F) {
	for _, v := range config.Variables() {
		for i, text := range []string{v.Default, "", "0", "-1", "x", "5m", "true", "99999999999999999999", "\x00", "1.5", "-0", "+1", "9223372036854775807ns", "\xff"} {
			f.Add(v.Name, text, "", "", "128", i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, name, text, other, otherText, memory string, inLambda bool) {
		name, other = known(name), known(other)
		vars := environment(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory, other: otherText, name: text})
		place := sidecar
		place.Lambda = inLambda
		c, err := config.Load(vars, place)
		again, errAgain := config.Load(vars, place)
		if !reflect.DeepEqual(c, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("%+v (%v), and at once %+v (%v)", c, err, again, errAgain)
		}
		if err != nil {
			for _, mistake := range config.Mistakes(err) {
				wantMistakeIn(t, mistake, name, other)
			}
			return
		}
		wantInRange(t, c)
		wantWritable(t, c, place)
	})
}

// known returns name where the table has it, else one that it has.
func known(name string) string {
	variables := config.Variables()
	for _, v := range variables {
		if v.Name == name {
			return name
		}
	}
	return variables[len(name)%len(variables)].Name
}

// wantMistakeIn fails t unless the mistake is a readable line about one of the
// variables.
func wantMistakeIn(t *testing.T, mistake error, names ...string) {
	t.Helper()
	var e *config.Error
	if !errors.As(mistake, &e) || !slices.Contains(names, e.Variable) || e.Problem == "" || !strings.HasPrefix(mistake.Error(), e.Variable+": ") {
		t.Errorf("with %q: %q", names, mistake)
	}
	if text := mistake.Error(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("%q is no line", text)
	}
}

// wantInRange fails t unless c is within the ranges of the table.
func wantInRange(t *testing.T, c *config.Config) {
	t.Helper()
	for what, n := range map[string]struct{ got, least, most int64 }{
		"Port":           {int64(c.Port), 1, 65535},
		"MaxConnections": {int64(c.MaxConnections), 1, 65536},
		"CacheSize":      {int64(c.CacheSize), 0, 100_000},
		"CacheBytes":     {c.CacheBytes, 65536, 1 << 40},
		"TTL":            {int64(c.TTL), 0, int64(24 * time.Hour)},
		"MaxStale":       {int64(c.MaxStale), 0, int64(168 * time.Hour)},
		"InitTimeout":    {int64(c.InitTimeout), 0, int64(15 * time.Minute)},
		"RefreshTimeout": {int64(c.RefreshTimeout), 0, int64(time.Minute)},
		"RefreshWait":    {int64(c.RefreshWait), 0, int64(time.Minute)},
		"Timeout":        {int64(c.Timeout), 0, math.MaxInt32 * int64(time.Millisecond)},
	} {
		if n.got < n.least || n.got > n.most {
			t.Errorf("%s is %d, and its range is %d to %d", what, n.got, n.least, n.most)
		}
	}
	if c.Batch.Above() == 0 || c.File == "" || c.Cache && c.CacheSize < max(1, len(c.Secrets)) || !c.Cache && c.TTL != 0 {
		t.Errorf("%+v", c)
	}
	if c.FailAtInit && c.InitTimeout == 0 {
		t.Error("INIT would always fail")
	}
	for _, role := range c.Roles {
		if !strings.HasPrefix(role, "arn:") || strings.ContainsAny(role, ", \n") {
			t.Errorf("role %q", role)
		}
	}
}

// wantWritable fails t unless the references of c can be written so that they
// are read as the same, whatever the default backend.
func wantWritable(t *testing.T, c *config.Config, place config.Place) {
	t.Helper()
	if !slices.Contains(place.Schemes, c.Backend) {
		t.Errorf("backend %q", c.Backend)
	}
	var list []string
	for _, spec := range c.Secrets {
		if !slices.Contains(place.Schemes, spec.Scheme) {
			t.Errorf("%+v is of a backend that is not linked", spec)
		}
		text := spec.String()
		if spec.Key != "" {
			text += "#" + spec.Key
		}
		if spec.Optional {
			text += "?"
		}
		list = append(list, text)
	}
	again, err := config.Load(environment(map[string]string{"LARDER_SECRETS": strings.Join(list, "\t,"), "LARDER_CACHE_SIZE": "100000"}), place)
	if err != nil || !slices.Equal(again.Secrets, c.Secrets) {
		t.Errorf("%q: %+v (%v), want %+v", list, again.Secrets, err, c.Secrets)
	}
}
