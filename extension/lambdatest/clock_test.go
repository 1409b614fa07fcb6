package lambdatest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// shiftInFile is the shift as a process finds it.
func shiftInFile(t *testing.T, l *Lambda) time.Duration {
	t.Helper()
	text, err := os.ReadFile(l.clock.path())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n)
}

func shiftClock(t *testing.T, l *Lambda, d time.Duration) {
	t.Helper()
	if err := l.ShiftClock(d); err != nil {
		t.Fatal("ShiftClock:", err)
	}
}

func TestShiftClock(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "init=look&invoke=look", "function": ""})
	for path, want := range map[string]os.FileMode{l.clock.path(): 0o600, l.clock.dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%v, %v, want mode %o", info, err, want)
		}
	}
	mustInit(t, l)
	total := time.Duration(0)
	for _, d := range []time.Duration{48 * time.Hour, -72 * time.Hour, 24 * time.Hour} {
		shiftClock(t, l, d)
		total += d
		if off := time.Until(l.Clock()) - total; off.Abs() > time.Minute {
			t.Errorf("Clock is off by %v after a shift of %v", off, d)
		}
		mustDo(t, l, order{Do: "look"})
	}
	for name, want := range map[string][]string{
		"alpha":         {"0", "172800000000000", "-86400000000000", "0"},
		functionProcess: {"172800000000000", "-86400000000000", "0"},
	} {
		got := saw(t, l, name, len(want))
		for n, shift := range want {
			if got[n] != "local-access-key-id "+shift {
				t.Errorf("%s saw %q the time %d, want the shift %s", name, got[n], n, shift)
			}
		}
	}
}

// TestDeadlinesStayUnshifted: a process compares them with its own clock.
func TestDeadlinesStayUnshifted(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "", "function": ""})
	shiftClock(t, l, 48*time.Hour)
	mustDo(t, l, order{})
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error("Shutdown:", err)
	}
	got := events(t, l, "alpha")
	if len(got) != 2 {
		t.Fatalf("events %+v", got)
	}
	for _, ev := range got {
		if left := time.Until(time.UnixMilli(ev.DeadlineMs)); left.Abs() > time.Hour {
			t.Errorf("%s has a deadline in %v", ev.EventType, left)
		}
	}
}

// TestShiftClockConcurrently loses no shift, and a reader finds no half of one.
func TestShiftClockConcurrently(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := l.ShiftClock(time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	moved := make(chan struct{})
	go func() { all.Wait(); close(moved) }()
	for reading := true; reading; {
		select {
		case <-moved:
			reading = false
		default:
		}
		if d := shiftInFile(t, l); d%time.Hour != 0 {
			t.Error("read", d)
		}
	}
	if got := shiftInFile(t, l); got != 400*time.Hour {
		t.Errorf("shifted by %v, want 400h", got)
	}
}

func TestClockEnds(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": ""})
	shiftClock(t, l, time.Hour)
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error("Close:", err)
	}
	if _, err := os.Stat(l.clock.dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("Close has left the clock's directory:", err)
	}
	if err := l.ShiftClock(time.Hour); !errors.Is(err, ErrClosed) {
		t.Error("ShiftClock:", err)
	}
	if off := time.Until(l.Clock()) - time.Hour; off.Abs() > time.Minute {
		t.Errorf("Clock is off by %v", off)
	}
}

// TestNewLeavesNothing: what New has made is gone when it fails.
func TestNewLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	taken := start(t, Config{}, scripts{})
	if l, err := New(Config{Function: []string{"bootstrap"}, Addr: taken.Addr()}); err == nil {
		l.Close()
		t.Fatal("two of them listen on one address")
	}
	taken.Close()
	if left, err := filepath.Glob(filepath.Join(dir, "lambdatest*")); err != nil || len(left) > 0 {
		t.Errorf("%q, %v", left, err)
	}
}
