// Package harden makes it harder to read a process's memory from beside it. It
// is the first thing a main does.
package harden

import "syscall"

// Process forbids other processes of the same user to trace this one or to read
// its memory, and the kernel to write it to a core file. It is best effort: a
// kernel that refuses leaves things as they were.
func Process() {
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0)
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
