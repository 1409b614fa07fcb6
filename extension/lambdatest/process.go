package lambdatest

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// drainTimeout limits the wait for the output of a process that has ended: a
// descendant that left the process group may hold the pipe open for ever.
const drainTimeout = 2 * time.Second

// process is one running binary: the function's or an extension's. It leads a
// process group of its own, so that a kill takes its children along.
type process struct {
	name        string
	environment int       // its number
	began       time.Time // of the INIT it belongs to
	cmd         *exec.Cmd
	output      *output
	exited      chan struct{} // closed when it has ended and its output is complete

	mu        sync.Mutex
	report    Process // all but Output
	condemned bool    // kill was called
}

// newProcess describes a process of the environment. It has to be started.
func newProcess(name string, e *environment) *process {
	return &process{
		name:        name,
		environment: e.number,
		began:       e.began,
		output:      &output{prefix: name + ": ", sink: e.sink, ended: make(chan struct{})},
		exited:      make(chan struct{}),
		report:      Process{Name: name, Environment: e.number, State: Started, ExitCode: -1},
	}
}

// start runs argv. onExit is called once, when the process has ended and its
// output is complete, before exited is closed.
func (p *process) start(argv, env []string, dir string, onExit func()) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer w.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = env
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		r.Close()
		return err
	}
	p.record(func(report *Process) {
		report.PID = p.cmd.Process.Pid
		report.Started = time.Since(p.began)
	})
	go p.output.collect(r)
	go func() {
		defer close(p.exited)
		p.wait(r)
		onExit()
	}()
	return nil
}

// wait collects the exit status, ends what is left of the group and waits for
// the rest of the output.
func (p *process) wait(r *os.File) {
	p.cmd.Wait() // its error repeats ProcessState
	p.signalGroup(syscall.SIGKILL)
	r.SetReadDeadline(time.Now().Add(drainTimeout))
	<-p.output.ended
	r.Close()
	p.record(func(report *Process) {
		report.State = Exited
		report.ExitCode = p.cmd.ProcessState.ExitCode()
		if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			report.Signal = status.Signal()
			report.Killed = p.condemned && report.Signal == syscall.SIGKILL
		}
	})
}

// running reports whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// terminate asks the process itself, not its children, to end.
func (p *process) terminate() {
	p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
}

// kill ends the process and its children. It does not wait.
func (p *process) kill() {
	if p.running() {
		p.record(func(*Process) { p.condemned = true })
		p.signalGroup(syscall.SIGKILL)
	}
}

// killed reports whether kill has ended the process, which may as well have
// left by itself at the same time. It must have exited.
func (p *process) killed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report.Killed
}

// signalGroup signals the process and its children. The group's number stays
// taken while any member lives, and a failure means that none does.
func (p *process) signalGroup(signal syscall.Signal) {
	syscall.Kill(-p.cmd.Process.Pid, signal)
}

// record changes the report.
func (p *process) record(change func(*Process)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.report)
}

// snapshot is the report as of now.
func (p *process) snapshot() Process {
	p.mu.Lock()
	report := p.report
	report.Errors = append([]PostedError(nil), p.report.Errors...)
	p.mu.Unlock()
	report.Output = p.output.String()
	return report
}
