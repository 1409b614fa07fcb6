package lambdatest

import "syscall"

// freeze stops every process, as Lambda does once the runtime and all
// extensions are waiting in Next. Stopping is the kernel's and may take effect
// a moment after freeze has returned.
func (e *environment) freeze() { e.signalAll(syscall.SIGSTOP) }

// thaw lets every process continue. It does no harm to one that runs.
func (e *environment) thaw() { e.signalAll(syscall.SIGCONT) }

func (e *environment) signalAll(signal syscall.Signal) {
	for _, p := range e.started() {
		if p.running() {
			p.signalGroup(signal)
		}
	}
}
