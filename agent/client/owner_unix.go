//go:build unix

package client

import (
	"io/fs"
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link an error, and opening a named pipe
// return at once.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func ownedByUser(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
