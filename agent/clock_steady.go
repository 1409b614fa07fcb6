//go:build !shiftclock

package agent

import "time"

// shifted is what the clock on the wall is moved by in the tests of the built
// binary, which are made with the tag shiftclock.
func shifted() time.Duration { return 0 }
