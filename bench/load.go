package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// served is a URL that is read, and what was measured there.
type served struct {
	name, url string
	ours      bool
	one, many loads // over one connection, over thirty-two
}

// loads are the figures of several rounds.
type loads struct{ p50, p99, p999, rate samples } // µs, and a second

// connections are how many many are.
const connections = 32

// wrkScript prints what wrk has measured; its percentiles are in microseconds.
const wrkScript = `done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("figures %f %f %f %f %d\n", latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    summary.requests / summary.duration * 1e6, e.connect + e.read + e.write + e.status + e.timeout))
end
`

// load reads url over so many connections for a while, by wrk, with the token.
func (s *setup) load(ctx context.Context, url string, connections int, lasting time.Duration, to *loads) error {
	script, err := s.file("wrk.lua", wrkScript)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(max(1, int(lasting.Seconds())))+"s",
		"-s", script, "-H", "X-Aws-Parameters-Secrets-Token: "+token, url).CombinedOutput()
	_, line, found := strings.Cut(string(out), "figures ")
	if err != nil || !found {
		return fmt.Errorf("wrk %s: %w: %s", url, err, out)
	}
	var p50, p99, p999, rate float64
	var errors int
	if _, err := fmt.Sscan(line, &p50, &p99, &p999, &rate, &errors); err != nil {
		return err
	}
	if errors > 0 {
		return fmt.Errorf("wrk %s: %d reads failed", url, errors)
	}
	to.p50, to.p99, to.p999, to.rate = append(to.p50, p50), append(to.p99, p99), append(to.p999, p999), append(to.rate, rate)
	return nil
}

// missing is which of the programs is not installed; empty: all are.
func missing(programs ...string) string {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	return ""
}
