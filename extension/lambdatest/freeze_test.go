package lambdatest

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
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
