package lambdatest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestInitTimeout lets INIT hang the first time only: it is reported, and INIT
// runs again inside the next invocation.
func TestInitTimeout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		actors  scripts
		message string
	}{
		"extension does not register":   {scripts{"alpha": "before=wait:MARK", "function": ""}, "alpha has not registered"},
		"extension does not call Next":  {scripts{"alpha": "init=wait:MARK", "function": ""}, "alpha has not called Next"},
		"runtime does not call Next":    {scripts{"alpha": "", "function": "init=wait:MARK"}, "function has not called Next"},
		"one of two does not call Next": {scripts{"alpha": "", "beta": "init=wait:MARK", "function": ""}, "beta has not called Next"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, Config{InitTimeout: 1500 * time.Millisecond, ShutdownTimeout: 300 * time.Millisecond}, c.actors)
			report, err := l.Init(t.Context())
			var fault *Fault
			if !errors.As(err, &fault) || fault != report.Fault {
				t.Fatalf("Init: %v", err)
			}
			wantFault(t, fault, SandboxTimedout, "INIT timed out after 1.50 seconds: ")
			wantFault(t, fault, SandboxTimedout, c.message)
			for _, p := range l.Processes() {
				if p.State != Exited {
					t.Errorf("%s is %s after the reset", p.Name, p.State)
				}
			}
			touch(t, mark(l))
			r := mustDo(t, l, order{})
			if len(r.Inits) != 1 || r.Inits[0].Environment != 2 || r.Inits[0].Duration > r.Duration {
				t.Errorf("INITs of the next invocation: %+v within %v", r.Inits, r.Duration)
			}
		})
	}
}

func TestInitInsideInvoke(t *testing.T) {
	t.Parallel()
	l := start(t, Config{InitTimeout: 300 * time.Millisecond, Timeout: 400 * time.Millisecond, ShutdownTimeout: 50 * time.Millisecond},
		scripts{"alpha": "before=hang", "function": ""})
	r := do(t, l, order{})
	wantFault(t, r.Fault, SandboxTimedout, r.RequestID+" Task timed out after 0.40 seconds")
	if len(r.Inits) != 2 {
		t.Fatalf("%d INITs, want the cold start's and one inside the invocation", len(r.Inits))
	}
	wantFault(t, r.Inits[0].Fault, SandboxTimedout, "0.30 seconds")
	wantFault(t, r.Inits[1].Fault, SandboxTimedout, "0.40 seconds")
}

func TestInitFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  Config
		actors  scripts
		fault   string
		message string
		posted  string // by whom
	}{
		"extension exits before it registers": {actors: scripts{"alpha": "before=exit:0", "function": ""}, fault: ExtensionCrash, message: `"alpha" exited: exit status 0`},
		"extension exits after it registered": {actors: scripts{"alpha": "init=exit:0", "function": "init=hang"}, fault: ExtensionCrash, message: "exit status 0"},
		"extension exits with an error":       {actors: scripts{"alpha": "init=exit:5", "function": ""}, fault: ExtensionCrash, message: "exit status 5"},
		"extension reports init/error":        {actors: scripts{"alpha": "init=error", "function": "init=hang"}, fault: ExtensionInitError, message: "Extension.Broken: no luck", posted: "alpha"},
		"function exits":                      {actors: scripts{"alpha": "", "function": "init=exit:1"}, fault: RuntimeExitError, message: "exit status 1"},
		"function reports init/error":         {actors: scripts{"alpha": "", "function": "init=error"}, fault: RuntimeInitError, message: "no module", posted: functionProcess},
		"no such extension":                   {config: Config{Extensions: []string{"/nonexistent/gamma"}}, actors: scripts{"function": ""}, fault: ExtensionLaunch, message: "gamma"},
		"extension is not executable":         {config: Config{Extensions: []string{"fault_test.go"}}, actors: scripts{"function": ""}, fault: ExtensionLaunch, message: "permission denied"},
		"no such function":                    {config: Config{Function: []string{"/nonexistent/bootstrap"}}, actors: scripts{"alpha": ""}, fault: RuntimeEntrypoint, message: "bootstrap"},
		"registration is refused":             {config: Config{RefuseRegister: &Refusal{Status: 500, ErrorType: "ServiceException"}}, actors: scripts{"alpha": "", "function": ""}, fault: ExtensionCrash, message: "exit status 3"},
		"wrong name":                          {actors: scripts{"alpha": "as=other", "function": ""}, fault: ExtensionCrash, message: "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.config.ShutdownTimeout = time.Second
			l := start(t, c.config, c.actors)
			report, err := l.Init(t.Context())
			if report == nil || err != report.Fault {
				t.Fatalf("Init: %v, %v", report, err)
			}
			wantFault(t, report.Fault, c.fault, c.message)
			if c.posted != "" {
				p := l.Process(c.posted)
				if len(p.Errors) != 1 || p.Errors[0].Path != "init/error" || p.Killed {
					t.Errorf("%s posted %+v, killed: %v", c.posted, p.Errors, p.Killed)
				}
				if c.posted != functionProcess && p.ExitCode != 1 { // the runtime gets SIGTERM meanwhile
					t.Errorf("%s exited with %d", c.posted, p.ExitCode)
				}
			}
			r := do(t, l, order{})
			wantFault(t, r.Fault, c.fault, c.message)
			if r.FunctionError != "Unhandled" || len(r.Inits) != 1 || !strings.Contains(string(r.Payload), `"errorType":`) {
				t.Errorf("%q %s after %d INITs", r.FunctionError, r.Payload, len(r.Inits))
			}
		})
	}
}

func TestRefusedRegistration(t *testing.T) {
	t.Parallel()
	l := start(t, Config{RefuseRegister: &Refusal{Status: 500, ErrorType: "ServiceException", ErrorMessage: "try later"}},
		scripts{"alpha": "", "function": ""})
	l.Init(t.Context())
	want := `500 {"errorMessage":"try later","errorType":"ServiceException"}`
	if got := lines(l, "alpha", "register:"); len(got) != 1 || got[0] != want {
		t.Errorf("register: %q, want %q", got, want)
	}
}

// TestInvokeFaults breaks one invocation. The next one must find a new
// environment, whose INIT it runs.
func TestInvokeFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		actors   scripts
		order    order
		timeout  bool
		fault    string
		message  string
		answered bool // the function was faster than the fault
		reason   string
		posted   string
	}{
		"extension exits with status 0": {actors: scripts{"alpha": "invoke=exit:0", "function": ""}, order: order{Do: "hang"}, fault: ExtensionCrash, message: "exit status 0"},
		"extension reports exit/error":  {actors: scripts{"alpha": "invoke=error", "beta": "", "function": ""}, order: order{Do: "hang"}, fault: ExtensionExitError, message: "Extension.Broken", reason: ReasonFailure, posted: "alpha"},
		"function exits":                {actors: scripts{"alpha": "", "beta": "", "function": ""}, order: order{Do: "exit:3"}, fault: RuntimeExitError, message: "exit status 3", reason: ReasonFailure},
		"function exits after response": {actors: scripts{"alpha": "", "beta": "", "function": ""}, order: order{Do: "exit:3", Silent: true}, fault: RuntimeExitError, message: "exit status 3", answered: true, reason: ReasonFailure},
		"function is slow":              {actors: scripts{"alpha": "", "beta": "", "function": ""}, order: order{Do: "hang"}, timeout: true, fault: SandboxTimedout, message: "Task timed out after 2.00 seconds", reason: ReasonTimeout},
		"extension is slow":             {actors: scripts{"alpha": "invoke=wait:MARK", "beta": "", "function": ""}, timeout: true, fault: SandboxTimedout, message: "Task timed out after 2.00 seconds", answered: true, reason: ReasonTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := Config{ShutdownTimeout: time.Second}
			if c.timeout {
				config.Timeout = 2 * time.Second
			}
			l := start(t, config, c.actors)
			mustInit(t, l)
			r := do(t, l, c.order)
			wantFault(t, r.Fault, c.fault, c.message)
			if (r.FunctionError == "") != c.answered {
				t.Errorf("%q: %s", r.FunctionError, r.Payload)
			}
			if !c.answered && !strings.Contains(string(r.Payload), r.RequestID) {
				t.Errorf("payload %s does not name the request %s", r.Payload, r.RequestID)
			}
			if c.timeout && r.Total < config.Timeout {
				t.Errorf("it took %v only", r.Total)
			}
			if c.reason != "" {
				got := events(t, l, "beta")
				if beta := append(got, event{}); len(got) != 2 && c.posted == "" || beta[len(got)-1].ShutdownReason != c.reason {
					t.Errorf("beta has seen %+v", got)
				}
			}
			if c.posted != "" {
				if p := l.Process(c.posted); len(p.Errors) != 1 || p.Errors[0].Path != "exit/error" || p.Errors[0].Message != "no luck" {
					t.Errorf("%s has posted %+v", c.posted, p.Errors)
				}
			}
			for _, p := range l.Processes() {
				if p.State != Exited {
					t.Errorf("%s is %s after the reset", p.Name, p.State)
				}
			}
			touch(t, mark(l))
			second := do(t, l, order{})
			if len(second.Inits) != 1 || second.Inits[0].Environment != 2 || second.Inits[0].Fault != nil {
				t.Errorf("INITs of the next invocation: %+v", second.Inits)
			}
		})
	}
}

func TestCrashBetweenInvocations(t *testing.T) {
	t.Parallel()
	l := start(t, Config{}, scripts{"alpha": "", "function": ""})
	mustDo(t, l, order{})
	killProcess(t, l.Process("alpha").PID)
	eventually(t, "the extension ends", func() bool { return l.Process("alpha").State == Exited })
	wantFault(t, do(t, l, order{}).Fault, ExtensionCrash, "signal: killed")
	if r := mustDo(t, l, order{}); len(r.Inits) != 1 {
		t.Errorf("%d INITs", len(r.Inits))
	}
}
