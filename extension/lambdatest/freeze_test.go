package lambdatest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processState is the state letter in /proc/PID/stat, empty when there is no
// such process. T is stopped by a signal.
func processState(pid string) string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	rest := stat[strings.LastIndexByte(string(stat), ')')+1:]
	return strings.Fields(string(rest))[0]
}

func killProcess(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	l := start(t, Config{Freeze: true}, scripts{"alpha": "child", "beta": "", "function": ""})
	mustInit(t, l)
	eventually(t, "the extension has a child", func() bool { return len(lines(l, "alpha", "child:")) == 1 })
	var pids []string
	for _, p := range l.Processes() {
		pids = append(pids, strconv.Itoa(p.PID))
	}
	pids = append(pids, lines(l, "alpha", "child:")...)
	frozen := func() bool {
		for _, pid := range pids {
			if processState(pid) != "T" {
				return false
			}
		}
		return true
	}
	eventually(t, "everything stands still after INIT", frozen)
	for range 3 {
		mustDo(t, l, order{})
		eventually(t, "everything stands still after an invocation", frozen)
	}
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error("the shutdown of a frozen environment:", err)
	}
	if p := l.Process("alpha"); p.ExitCode != 0 {
		t.Errorf("alpha exited with %d", p.ExitCode)
	}
}

// TestFreezeByHand stops a handler in the middle of its work.
func TestFreezeByHand(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{}, scripts{"alpha": "", "function": ""})
	l.Freeze() // there is nothing yet
	l.Thaw()
	mustInit(t, l)
	done := make(chan error)
	go func() {
		_, err := l.Invoke(context.WithoutCancel(t.Context()), fmt.Appendf(nil, `{"Do":"wait:%s"}`, gate))
		done <- err
	}()
	eventually(t, "the handler runs", func() bool { return len(lines(l, functionProcess, "invocation:")) == 1 })
	l.Freeze()
	wantStopped(t, l, "after Freeze")
	touch(t, gate)
	wantStopped(t, l, "when it could go on")
	l.Thaw()
	if err := <-done; err != nil {
		t.Error("the invocation that was stopped:", err)
	}

	l.Freeze()
	if r := mustDo(t, l, order{}); len(r.Inits) != 0 {
		t.Error("an invocation after Freeze has run INIT")
	}
	l.Freeze()
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error("the shutdown of what was stopped:", err)
	}
	l.Freeze()
}

// TestFreezeDuringInit stops an extension that INIT waits for, again and again
// while other processes are being started.
func TestFreezeDuringInit(t *testing.T) {
	t.Parallel()
	l := start(t, Config{InitTimeout: time.Minute}, scripts{"alpha": "before=wait:MARK", "beta": "", "function": ""})
	initialised := make(chan error)
	go func() {
		_, err := l.Init(t.Context())
		initialised <- err
	}()
	eventually(t, "the extension runs", func() bool {
		l.Freeze()
		return l.Process("beta").PID != 0
	})
	l.Freeze()
	wantStopped(t, l, "during INIT")
	touch(t, mark(l))
	for {
		l.Thaw() // what is started later runs anyway
		select {
		case err := <-initialised:
			if err != nil {
				t.Error("Init:", err)
			}
			return
		case <-time.After(2 * time.Millisecond):
			l.Freeze()
		}
	}
}
