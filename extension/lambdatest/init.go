package lambdatest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Init is the report of one INIT phase.
type Init struct {
	Environment int // its number: 1, 2 after the first reset, ...
	Duration    time.Duration
	Fault       *Fault    // why it failed, or nil
	Processes   []Process // as they stood at its end, before any reset
}

// initialise runs the INIT phase (AWS Lambda developer guide, Lambda execution
// environment, "Init phase"): extensions first, the runtime once all of them
// have registered, and it ends when everyone has called Next. On failure the
// processes are left for the caller to shut down.
func (e *environment) initialise(ctx context.Context, at place, timeout time.Duration, started func(*process)) (*Init, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fault, err := e.bringUp(limited, at, started)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	} else if err != nil {
		fault, err = &Fault{Type: SandboxTimedout, Message: e.initTimeout(timeout)}, nil
	}
	report := &Init{Environment: e.number, Duration: time.Since(e.began), Fault: fault}
	for _, p := range e.started() {
		report.Processes = append(report.Processes, p.snapshot())
	}
	return report, err
}

func (e *environment) bringUp(ctx context.Context, at place, started func(*process)) (*Fault, error) {
	vars := e.config.variables(at)
	for _, path := range e.config.Extensions {
		if fault := e.launchExtension(path, environ(vars, visibleToExtensions), started); fault != nil {
			return fault, nil
		}
	}
	if fault, err := e.awaitSound(ctx, e.allRegistered); fault != nil || err != nil {
		return fault, err
	}
	if fault := e.launchFunction(environ(vars, func(string) bool { return true }), started); fault != nil {
		return fault, nil
	}
	return e.awaitSound(ctx, e.idle)
}

func (e *environment) launchExtension(path string, env []string, started func(*process)) *Fault {
	abs, err := filepath.Abs(path)
	if err == nil {
		err = e.launch(filepath.Base(path), []string{abs}, env, started)
	}
	if err != nil {
		return &Fault{Type: ExtensionLaunch, Message: fmt.Sprintf("extension %q: %v", filepath.Base(path), err)}
	}
	return nil
}

func (e *environment) launchFunction(env []string, started func(*process)) *Fault {
	argv := append([]string(nil), e.config.Function...)
	path, err := exec.LookPath(argv[0])
	if err == nil {
		argv[0], err = filepath.Abs(path)
	}
	if err == nil {
		err = e.launch(functionProcess, argv, env, started)
	}
	if err != nil {
		return &Fault{Type: RuntimeEntrypoint, Message: err.Error()}
	}
	return nil
}

// launch starts a process. The environment knows it before it runs, so that
// its first request finds it there.
func (e *environment) launch(name string, argv, env []string, started func(*process)) error {
	p := newProcess(name, e)
	e.update(func() {
		e.processes = append(e.processes, p)
		if name == functionProcess {
			e.function = p
		}
	})
	if err := p.start(argv, env, e.config.Dir, func() { e.exited(p) }); err != nil {
		e.update(func() {
			e.processes = e.processes[:len(e.processes)-1]
			if name == functionProcess {
				e.function = nil
			}
		})
		return err
	}
	started(p)
	return nil
}

// exited turns the end of a process into a fault, unless the environment is
// being shut down. An extension may not leave early even with status 0.
func (e *environment) exited(p *process) {
	status := p.cmd.ProcessState.String()
	if p.name == functionProcess {
		e.fail(&Fault{Type: RuntimeExitError, Message: "Runtime exited: " + status})
		return
	}
	e.fail(&Fault{Type: ExtensionCrash, Message: fmt.Sprintf("extension %q exited: %s", p.name, status)})
}

// allRegistered reports whether every external extension has registered. The
// lock must be held.
func (e *environment) allRegistered() bool {
	registered := 0
	for _, x := range e.extensions {
		if x.process != nil {
			registered++
		}
	}
	return registered == len(e.config.Extensions)
}

// initTimeout says who kept INIT from ending.
func (e *environment) initTimeout(timeout time.Duration) string {
	waiting := make(map[string]string)
	var names []string
	for _, path := range e.config.Extensions {
		names = append(names, filepath.Base(path))
		waiting[filepath.Base(path)] = "has not registered"
	}
	e.mu.Lock()
	for _, x := range e.extensions {
		if _, known := waiting[x.name]; !known {
			names = append(names, x.name)
		}
		waiting[x.name] = "has not called Next"
		if x.waiting() {
			delete(waiting, x.name)
		}
	}
	if e.function != nil && e.polls == 0 {
		names = append(names, functionProcess)
		waiting[functionProcess] = "has not called Next"
	}
	e.mu.Unlock()

	var hints []string
	for _, name := range names {
		if hint, ok := waiting[name]; ok {
			hints = append(hints, name+" "+hint)
		}
	}
	message := fmt.Sprintf("INIT timed out after %.2f seconds", timeout.Seconds())
	if len(hints) > 0 {
		message += ": " + strings.Join(hints, ", ")
	}
	return message
}
