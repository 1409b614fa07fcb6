// Command bench measures the built extension beside programs that do less, in the
// same minutes, and writes what it finds as Markdown:
//
//	go run . -larder ../bin/extensions/larder -report report.md
//
// Every figure is to be read as a ratio: the rounds are interleaved, so that what
// else the machine does concerns all programs alike.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// token is what readers have to show.
const token = "token"

func main() {
	larder := flag.String("larder", "../bin/extensions/larder", "the extension's `binary`")
	rounds := flag.Int("rounds", 100, "starts of each program")
	report := flag.String("report", "", "the `file` to write; standard output if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	text, err := measure(ctx, *larder, *rounds)
	stop()
	if err == nil && *report != "" {
		err = os.WriteFile(*report, []byte(text), 0o644)
	} else if err == nil {
		fmt.Print(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, larder string, rounds int) (string, error) {
	var report strings.Builder
	fmt.Fprintf(&report, "# Measured beside others\n\n%s, %d cores, %s. Every figure is from this machine alone: read the ratios.\n", machine(), runtime.NumCPU(), runtime.Version())
	starts, err := coldStarts(ctx, larder, rounds)
	if err != nil {
		return "", err
	}
	starts.write(&report)
	return report.String(), nil
}

// machine is the processor's name, where the system tells.
func machine() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
