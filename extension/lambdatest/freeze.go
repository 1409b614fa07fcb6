package lambdatest

import (
	"syscall"
	"time"
)

// stopTimeout limits the wait for processes to stand still: one that sleeps in
// the kernel stops when it wakes.
const stopTimeout = time.Second

// Freeze stops every process of the current environment with SIGSTOP, whatever
// it is doing, as a test may want to between two lines of a handler. Config.Freeze
// does it whenever the environment is idle. On Linux Freeze returns when they
// stand still, elsewhere that may be a moment later. Time limits go on.
// Processes that INIT has yet to start are not affected.
//
// Thaw, the next invocation and a shutdown let them continue.
func (l *Lambda) Freeze() { freeze(l.live()) }

// Thaw lets every process of the current environment continue. It does no harm
// to one that runs. A snapshot remains one: see Restore.
func (l *Lambda) Thaw() { signalAll(l.live(), syscall.SIGCONT) }

// live returns the current environment's processes that have been started,
// whichever phase it is in.
func (l *Lambda) live() []*process {
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []*process
	for _, p := range l.history {
		if l.current != nil && p.environment == l.current.number {
			live = append(live, p)
		}
	}
	return live
}

// freeze stops every process, as Lambda does once the runtime and all
// extensions are waiting in Next.
func (e *environment) freeze() { freeze(e.started()) }

// thaw lets every process continue. It does no harm to one that runs.
func (e *environment) thaw() { signalAll(e.started(), syscall.SIGCONT) }

// freeze returns once the processes stand still, so that what is done to a
// frozen environment next cannot be seen by it before the thaw. Their children
// may take a moment longer.
func freeze(processes []*process) {
	signalAll(processes, syscall.SIGSTOP)
	deadline := time.Now().Add(stopTimeout)
	for _, p := range processes {
		for p.running() && !p.stopped() && time.Now().Before(deadline) {
			time.Sleep(100 * time.Microsecond) // the kernel tells nobody but a waiting parent
		}
	}
}

func signalAll(processes []*process, signal syscall.Signal) {
	for _, p := range processes {
		if p.running() {
			p.signalGroup(signal)
		}
	}
}
