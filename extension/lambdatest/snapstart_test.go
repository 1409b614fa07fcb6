package lambdatest

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func mustRestore(t *testing.T, l *Lambda, jump time.Duration) {
	t.Helper()
	if err := l.Restore(t.Context(), RestoreOptions{ClockJump: jump}); err != nil {
		t.Fatal("Restore:", err)
	}
}

// wantStopped fails unless every process that has not ended stands still.
func wantStopped(t *testing.T, l *Lambda, when string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return // /proc would tell
	}
	for _, p := range l.Processes() {
		if state := processState(strconv.Itoa(p.PID)); p.State != Exited && state != "T" {
			t.Errorf("%s is in state %q %s", p.Name, state, when)
		}
	}
}

func wantSaw(t *testing.T, l *Lambda, name string, want ...string) {
	t.Helper()
	if got := saw(t, l, name, len(want)); !slices.Equal(got, want) {
		t.Errorf("%s saw %q, want %q", name, got, want)
	}
}

func TestSnapStart(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "init=look&invoke=look", "function": "init=look"})
	report := mustInit(t, l)
	wantStopped(t, l, "after INIT")
	const first = "local-access-key-id-1 0"
	wantSaw(t, l, "alpha", first)
	wantSaw(t, l, functionProcess, first)

	const jump = 48 * time.Hour
	mustRestore(t, l, jump)
	wantStopped(t, l, "after Restore")
	if got := shiftInFile(t, l); got != jump {
		t.Errorf("the file says %v", got)
	}
	wantSaw(t, l, "alpha", first)

	// Later invocations find the environment as it was restored.
	const second = "local-access-key-id-2 172800000000000"
	for range 2 {
		if r := mustDo(t, l, order{Do: "look"}); len(r.Inits) != 0 {
			t.Error("an invocation after Restore has run INIT")
		}
		wantStopped(t, l, "after an invocation")
	}
	wantSaw(t, l, "alpha", first, second, second)
	wantSaw(t, l, functionProcess, first, second, second)
	for n, p := range l.Processes() {
		if p.PID != report.Processes[n].PID {
			t.Errorf("%s is not the process of INIT", p.Name)
		}
	}
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error("Shutdown:", err)
	}
}

func TestSnapStartVariables(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "", "function": ""})
	mustDo(t, l, order{})
	want := []string{
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=local-authorization-token",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + l.URL() + "/2021-04-23/credentials",
		"AWS_LAMBDA_INITIALIZATION_TYPE=snap-start",
	}
	for _, name := range []string{"alpha", functionProcess} {
		got := lines(l, name, "env:")
		got = slices.DeleteFunc(got, func(pair string) bool {
			return !strings.HasPrefix(pair, "AWS_CONTAINER_") && !strings.HasPrefix(pair, "AWS_LAMBDA_INIT") &&
				!strings.HasPrefix(pair, "AWS_ACCESS") && !strings.HasPrefix(pair, "AWS_SE")
		})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", name, got, want)
		}
	}
}

// TestSnapStartImplicitRestore invokes without Restore, in a snapshot and
// without one.
func TestSnapStartImplicitRestore(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "init=look&invoke=look", "function": ""})
	mustInit(t, l)
	mustDo(t, l, order{})
	want := []string{"local-access-key-id-1 0", "local-access-key-id-2 0"}
	wantSaw(t, l, "alpha", want...)
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error("Shutdown:", err)
	}
	if r := mustDo(t, l, order{}); len(r.Inits) != 1 || r.Inits[0].Environment != 2 {
		t.Errorf("INITs without a snapshot: %+v", r.Inits)
	}
	wantSaw(t, l, "alpha", append(want, "local-access-key-id-3 0", "local-access-key-id-4 0")...)
}

func TestRestoreAgain(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true}, scripts{"alpha": "invoke=look", "function": ""})
	mustInit(t, l)
	mustRestore(t, l, time.Hour)
	l.Thaw()
	mustRestore(t, l, time.Hour)
	wantStopped(t, l, "after a Restore that follows Thaw")
	mustDo(t, l, order{})
	wantSaw(t, l, "alpha", "local-access-key-id-3 7200000000000")
}

func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		before func(*testing.T, *Lambda)
		is     error
		text   string
	}{
		"without SnapStart": {
			Config{Freeze: true},
			func(t *testing.T, l *Lambda) { mustInit(t, l) },
			ErrNoSnapshot, "SnapStart is not set",
		},
		"before INIT": {Config{SnapStart: true}, func(*testing.T, *Lambda) {}, ErrNoSnapshot, "no environment"},
		"after an invocation": {
			Config{SnapStart: true},
			func(t *testing.T, l *Lambda) { mustInit(t, l); mustDo(t, l, order{}) },
			ErrNoSnapshot, "used it up",
		},
		"after Shutdown": {
			Config{SnapStart: true},
			func(t *testing.T, l *Lambda) { mustInit(t, l); l.Shutdown(t.Context(), "") },
			ErrNoSnapshot, "no environment",
		},
		"after a process has died": {
			Config{SnapStart: true},
			func(t *testing.T, l *Lambda) {
				mustInit(t, l)
				killProcess(t, l.Process("alpha").PID)
				eventually(t, "it is noticed", func() bool { e, _ := l.environment(); return !e.sound() })
			},
			ErrNoSnapshot, "has ended",
		},
		"after Close": {
			Config{SnapStart: true},
			func(t *testing.T, l *Lambda) { mustInit(t, l); l.Close() },
			ErrClosed, "closed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, c.config, scripts{"alpha": "", "function": ""})
			c.before(t, l)
			set := l.credentials.set.Load()
			err := l.Restore(t.Context(), RestoreOptions{ClockJump: time.Hour})
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %v with %q", err, c.is, c.text)
			}
			if l.credentials.set.Load() != set || time.Duration(l.clock.shift.Load()) != 0 {
				t.Error("the refused restore has moved the clock or changed the credentials")
			}
		})
	}
}

// TestSnapStartReset makes a new snapshot inside the next invocation, whose
// failure is INIT's and not the invocation's running out of time.
func TestSnapStartReset(t *testing.T) {
	t.Parallel()
	l := start(t, Config{SnapStart: true, InitTimeout: 5 * time.Second}, scripts{"alpha": "init=wait:MARK", "function": ""})
	touch(t, mark(l))
	mustInit(t, l)
	wantFault(t, do(t, l, order{Do: "exit:9"}).Fault, RuntimeExitError, "exit status 9")
	if r := mustDo(t, l, order{}); len(r.Inits) != 1 {
		t.Errorf("INITs after a reset: %+v", r.Inits)
	}
	do(t, l, order{Do: "exit:9"})
	if err := os.Remove(mark(l)); err != nil {
		t.Fatal(err)
	}
	r := do(t, l, order{})
	wantFault(t, r.Fault, SandboxTimedout, "INIT timed out after 5.00 seconds: alpha has not called Next")
	if len(r.Inits) != 1 || r.FunctionError != "Unhandled" || strings.Contains(r.Fault.Message, "Task timed out") {
		t.Errorf("%+v", r)
	}
}

func TestSnapStartDefaults(t *testing.T) {
	t.Parallel()
	function := []string{"bootstrap"}
	for name, c := range map[string]struct {
		config  Config
		timeout time.Duration
		freeze  bool
	}{
		"without":     {Config{Function: function}, 10 * time.Second, false},
		"with":        {Config{Function: function, SnapStart: true}, 15 * time.Minute, true},
		"and its own": {Config{Function: function, SnapStart: true, InitTimeout: time.Second}, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.config.normalise(); err != nil {
				t.Fatal(err)
			}
			if c.config.InitTimeout != c.timeout || c.config.Freeze != c.freeze {
				t.Errorf("timeout %v, freeze %v", c.config.InitTimeout, c.config.Freeze)
			}
		})
	}
}
