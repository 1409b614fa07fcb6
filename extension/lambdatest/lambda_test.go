package lambdatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "before=sleep:20ms&accept=accountId", "beta": "", "function": ""})

	report := mustInit(t, l)
	if again := mustInit(t, l); again != report {
		t.Error("a second Init has not returned the first one's report")
	}
	if len(report.Processes) != 3 || report.Processes[2].Name != functionProcess {
		t.Fatalf("processes %+v, want two extensions and then the function", report.Processes)
	}
	function := report.Processes[2]
	for _, p := range report.Processes {
		if p.State != Ready || p.Ready == 0 || p.Ready > report.Duration {
			t.Errorf("%s is %s after %v", p.Name, p.State, p.Ready)
		}
		if p.Name != functionProcess && p.Registered > function.Started {
			t.Errorf("%s registered after %v, the function was started after %v", p.Name, p.Registered, function.Started)
		}
	}

	var ids []string
	for n := range 3 {
		response, err := l.Do(t.Context(), Request{Payload: fmt.Appendf(nil, "%d", n), TraceID: "Root=1-2-3"})
		if err != nil {
			t.Fatal(err)
		}
		if string(response.Payload) != fmt.Sprint(n) || response.FunctionError != "" || len(response.Inits) != 0 {
			t.Errorf("response %+v", response)
		}
		if response.Duration <= 0 || response.Total < response.Duration {
			t.Errorf("duration %v, total %v", response.Duration, response.Total)
		}
		ids = append(ids, response.RequestID)
	}
	if err := l.Shutdown(t.Context(), "SPINDOWN"); err != nil {
		t.Error("Shutdown:", err)
	}

	for _, name := range []string{"alpha", "beta"} {
		checkEvents(t, events(t, l, name), ids)
		if p := l.Process(name); p.State != Exited || p.ExitCode != 0 || p.Killed {
			t.Errorf("%s: %s with %d, killed: %v", name, p.State, p.ExitCode, p.Killed)
		}
	}
	if p := l.Process(functionProcess); p.Signal != syscall.SIGTERM || p.Killed {
		t.Errorf("function ended by %v, killed: %v", p.Signal, p.Killed)
	}
	for n, line := range lines(l, functionProcess, "invocation:") {
		if want := ids[n] + " Root=1-2-3 arn:aws:lambda:us-east-1:123456789012:function:function "; !strings.HasPrefix(line, want) {
			t.Errorf("the function saw %q, want %q", line, want)
		}
	}
	for name, account := range map[string]string{"alpha": `"accountId":"123456789012",`, "beta": ""} {
		want := `200 {` + account + `"functionName":"function","functionVersion":"$LATEST","handler":"bootstrap"}`
		if got := lines(l, name, "register:"); len(got) != 1 || got[0] != want {
			t.Errorf("%s registered: %q, want %q", name, got, want)
		}
	}

	if r := mustDo(t, l, order{}); len(r.Inits) != 1 || r.Inits[0].Environment != 2 {
		t.Errorf("INITs after a shutdown: %+v", r.Inits)
	}
}

func checkEvents(t *testing.T, got []event, ids []string) {
	t.Helper()
	if len(got) != len(ids)+1 {
		t.Fatalf("%d events, want %d", len(got), len(ids)+1)
	}
	for n, id := range ids {
		left := time.Until(time.UnixMilli(got[n].DeadlineMs))
		if got[n].EventType != eventInvoke || got[n].RequestID != id || got[n].Tracing.Value != "Root=1-2-3" || left <= 0 || left > 10*time.Second {
			t.Errorf("event %d: %+v", n, got[n])
		}
	}
	last := got[len(ids)]
	if last.EventType != eventShutdown || last.ShutdownReason != ReasonSpindown || last.DeadlineMs == 0 {
		t.Errorf("last event %+v", last)
	}
}

func TestFunctionAlone(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"function": ""})
	mustDo(t, l, order{})
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error(err)
	}
	// Without an extension Lambda has no shutdown phase.
	if p := l.Process(functionProcess); p.Signal != syscall.SIGKILL {
		t.Errorf("function ended by %v, want SIGKILL", p.Signal)
	}
}

func TestAWSFunction(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "", "function": "aws"})
	if r := mustDo(t, l, order{}); !strings.HasPrefix(string(r.Payload), `{"got":`) {
		t.Errorf("payload %s", r.Payload)
	}
	r := do(t, l, order{Do: "fail"})
	if r.FunctionError != "Unhandled" || r.Fault != nil || !strings.Contains(string(r.Payload), `"errorMessage":"handler failed"`) {
		t.Errorf("%s %s", r.FunctionError, r.Payload)
	}
	l.Shutdown(t.Context(), "") // SIGTERM is handled, but does not end the process
	if !strings.Contains(l.Output(functionProcess), "handler of SIGTERM") {
		t.Error("the function has not seen SIGTERM")
	}
}

func TestFunctionError(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "", "function": ""})
	for _, o := range []order{{Do: "error"}, {Do: "large"}} {
		r := do(t, l, o)
		if r.FunctionError != "Unhandled" || r.Fault != nil {
			t.Errorf("%s: %q, fault %v", o.Do, r.FunctionError, r.Fault)
		}
	}
	if r := mustDo(t, l, order{}); len(r.Inits) != 0 {
		t.Error("a handler's error has reset the environment")
	}
}

// TestTotalCoversExtensions holds an extension back after the function has responded.
func TestTotalCoversExtensions(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{}, scripts{"alpha": "invoke=wait:" + gate, "function": ""})
	mustInit(t, l)
	done := make(chan *Response)
	go func() {
		response, _ := l.Invoke(context.WithoutCancel(t.Context()), nil)
		done <- response
	}()
	eventually(t, "the function responds", func() bool { return len(lines(l, functionProcess, "responded:")) == 1 })
	select {
	case <-done:
		t.Error("the invocation has ended before its extension was done")
	default:
	}
	held := time.Now()
	touch(t, gate)
	if r := <-done; r.Total-r.Duration > time.Since(held)+5*time.Second || r.Total <= r.Duration || string(r.Payload) != "{}" {
		t.Errorf("%+v", r)
	}
}

func TestShutdownKills(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		actors scripts
		killed []string // by name, in time's order
		code   map[string]int
	}{
		"extension that stays":            {scripts{"alpha": "shutdown=hang", "function": ""}, []string{"alpha"}, nil},
		"one of two extensions stays":     {scripts{"alpha": "shutdown=hang", "beta": "shutdown=exit:4", "function": ""}, []string{"alpha"}, map[string]int{"beta": 4}},
		"function that ignores SIGTERM":   {scripts{"alpha": "", "function": "aws"}, []string{functionProcess}, map[string]int{"alpha": 0}},
		"extension that is not told":      {scripts{"alpha": `events=["INVOKE"]`, "function": ""}, nil, nil},
		"extension that left a child":     {scripts{"alpha": "child", "function": ""}, nil, map[string]int{"alpha": 0}},
		"stopped extension with children": {scripts{"alpha": "child&shutdown=hang", "function": ""}, []string{"alpha"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, Config{ShutdownTimeout: 2 * time.Second, Freeze: true}, c.actors)
			mustDo(t, l, order{})
			err := l.Shutdown(t.Context(), ReasonFailure)
			var killed *KilledError
			if errors.As(err, &killed) != (c.killed != nil) || killed != nil && fmt.Sprint(killed.Names) != fmt.Sprint(c.killed) {
				t.Errorf("Shutdown: %v, want %v", err, c.killed)
			}
			for _, p := range l.Processes() {
				if p.State != Exited {
					t.Errorf("%s is %s", p.Name, p.State)
				}
				if want, ok := c.code[p.Name]; ok && p.ExitCode != want {
					t.Errorf("%s exited with %d, want %d", p.Name, p.ExitCode, want)
				}
			}
			for _, name := range c.killed {
				if p := l.Process(name); !p.Killed || p.Signal != syscall.SIGKILL {
					t.Errorf("%s ended by %v, killed: %v", name, p.Signal, p.Killed)
				}
			}
			for _, pid := range lines(l, "alpha", "child:") {
				eventually(t, "the child ends", func() bool { return processState(pid) == "" || processState(pid) == "Z" })
			}
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	t.Run("unused", func(t *testing.T) {
		t.Parallel()
		l := start(t, Config{}, scripts{"alpha": ""})
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if _, err := l.Invoke(t.Context(), nil); !errors.Is(err, ErrClosed) {
			t.Error("Invoke:", err)
		}
		if _, err := l.Init(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error("Init:", err)
		}
		if err := l.Shutdown(t.Context(), ""); !errors.Is(err, ErrClosed) {
			t.Error("Shutdown:", err)
		}
		if len(l.Processes()) != 0 {
			t.Error("a process was started")
		}
	})
	t.Run("during an invocation", func(t *testing.T) {
		t.Parallel()
		l := start(t, Config{Timeout: time.Hour}, scripts{"alpha": "", "function": ""})
		mustInit(t, l)
		failed := make(chan error)
		for range 2 { // one runs, one waits
			go func() {
				_, err := l.Invoke(context.Background(), []byte(`{"Do":"hang"}`))
				failed <- err
			}()
		}
		eventually(t, "an invocation runs", func() bool { return len(lines(l, functionProcess, "invocation:")) == 1 })
		l.Close()
		for range 2 {
			if err := <-failed; !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
	})
	t.Run("during INIT", func(t *testing.T) {
		t.Parallel()
		l := start(t, Config{InitTimeout: time.Hour}, scripts{"alpha": "before=hang", "function": ""})
		failed := make(chan error)
		go func() {
			_, err := l.Init(context.Background())
			failed <- err
		}()
		eventually(t, "the extension runs", func() bool { return len(lines(l, "alpha", "env:")) > 0 })
		l.Close()
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Error("Init:", err)
		}
	})
}

func TestInvokeGivesUp(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{}, scripts{"alpha": "", "function": ""})
	mustInit(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := l.Invoke(ctx, fmt.Appendf(nil, `{"Do":"wait:%s"}`, gate))
		failed <- err
	}()
	eventually(t, "the invocation runs", func() bool { return len(lines(l, functionProcess, "invocation:")) == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	touch(t, gate)
	if r := mustDo(t, l, order{}); len(r.Inits) != 0 {
		t.Error("giving up has reset the environment")
	}
}

func TestStopAPI(t *testing.T) {
	t.Parallel()
	gate := filepath.Join(t.TempDir(), "gate")
	l := start(t, Config{Env: map[string]string{"SURVIVE": gate}}, scripts{"alpha": "", "function": ""})
	mustDo(t, l, order{})
	l.StopAPI()
	for _, name := range []string{"alpha", functionProcess} {
		eventually(t, name+" notices", func() bool { return len(lines(l, name, "lost:")) == 1 })
		if p := l.Process(name); p.State != Ready {
			t.Errorf("%s is %s", name, p.State)
		}
	}
	if _, err := l.Invoke(t.Context(), nil); !errors.Is(err, ErrAPIStopped) {
		t.Error("Invoke:", err)
	}
	touch(t, gate)
	eventually(t, "the extension leaves", func() bool { return l.Process("alpha").State == Exited })
	if p := l.Process("alpha"); p.ExitCode != 7 {
		t.Errorf("exit code %d", p.ExitCode)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var all bytes.Buffer
	l := start(t, Config{Output: &all}, scripts{"alpha": "", "function": ""})
	r := do(t, l, order{Do: "print"})
	wantFault(t, r.Fault, RuntimeExitError, "exit status 0")
	l.Close()
	long := strings.Repeat("y", 1<<20)
	if kept := l.Output(functionProcess); !strings.HasSuffix(kept, "\n"+long+"\nlast words") {
		t.Errorf("the process's output has lost something of %d bytes", len(kept))
	}
	if shown := all.String(); !strings.Contains(shown, "\nfunction: "+long+"\nfunction: last words\n") {
		t.Errorf("the common output has lost something of %d bytes", len(shown))
	}
	for line := range strings.Lines(all.String()) {
		if !strings.HasPrefix(line, "alpha: ") && !strings.HasPrefix(line, "function: ") {
			t.Errorf("a line without its process: %.40q", line)
		}
	}
}
