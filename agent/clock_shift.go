//go:build shiftclock

package agent

import (
	"os"
	"strconv"
	"time"
)

// shifted returns the nanoseconds that the file holds to which the local Lambda
// points.
func shifted() time.Duration {
	text, err := os.ReadFile(os.Getenv("LAMBDATEST_CLOCK"))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		panic("LAMBDATEST_CLOCK: " + err.Error())
	}
	return time.Duration(n)
}
