package lambdatest

import (
	"strings"
	"syscall"
	"time"
)

// State is how far a process has come.
type State string

const (
	Started    State = "started"    // it runs
	Registered State = "registered" // an extension that has registered, but never called Next
	Ready      State = "ready"      // it has called Next at least once
	Exited     State = "exited"
)

// Process is the report of one process.
type Process struct {
	Name        string // "function", or the extension's name
	Environment int    // which execution environment it belonged to: 1, 2 after the first reset, ...
	PID         int
	State       State

	// When things happened, from the start of INIT; zero when they did not.
	Started, Registered, Ready time.Duration

	ExitCode int            // -1 while it runs, and after a signal
	Signal   syscall.Signal // that ended it, or 0
	Killed   bool           // whether that was SIGKILL from the local Lambda

	// Output is standard output and error so far, interleaved. It is complete
	// once State is Exited; of a running process the latest lines may be
	// missing for a moment.
	Output string
	Errors []PostedError
}

// PostedError is an error that a process reported to the API.
type PostedError struct {
	Path    string // "init/error" or "exit/error"
	Type    string // the error type header, or the body's errorType without one
	Message string // the body's errorMessage
	Body    []byte
}

// Processes reports every process that was started, in order, including those
// of environments that were reset.
func (l *Lambda) Processes() []Process {
	l.mu.Lock()
	history := append([]*process(nil), l.history...)
	l.mu.Unlock()
	reports := make([]Process, len(history))
	for i, p := range history {
		reports[i] = p.snapshot()
	}
	return reports
}

// Process reports the latest process of that name. The zero Process means that
// none was started.
func (l *Lambda) Process(name string) Process {
	var latest Process
	for _, p := range l.Processes() {
		if p.Name == name {
			latest = p
		}
	}
	return latest
}

// Output returns what the processes of that name have printed so far, over all
// environments, as Process.Output does. The function's name is "function".
func (l *Lambda) Output(name string) string {
	var text strings.Builder
	for _, p := range l.Processes() {
		if p.Name == name {
			text.WriteString(p.Output)
		}
	}
	return text.String()
}
