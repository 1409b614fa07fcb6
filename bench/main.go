// Command bench measures what is in a layer's zip beside programs that do less and
// programs that do the same, in the same minutes, and writes what it finds as
// Markdown and SVG:
//
//	go run . -zip ../dist/larder-layer-amd64.zip -report .
//
// Every figure is to be read as a ratio: the rounds are interleaved, so that what
// else the machine does concerns all programs alike. What is not installed is left
// out, and the report says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

// sections are the parts of the report, in its order.
var sections = []struct {
	name    string
	measure func(context.Context, *setup, *report) error
}{
	{"cold", coldStarts},
	{"init", inits},
	{"ready", readiness},
	{"read", reads},
	{"clients", clients},
	{"tail", tails},
	{"peers", peers},
	{"storms", storms},
	{"profiles", profiles},
}

func main() {
	zip := flag.String("zip", "../dist/larder-layer-amd64.zip", "the layer's `file`, for this machine's architecture")
	dir := flag.String("report", "", "the `directory` to write report.md and its charts to; without it the text goes to standard output")
	only := flag.String("only", "", "the `sections` to measure, separated by commas")
	effort := flag.Float64("effort", 1, "how much of the usual number of rounds to take, as a `factor`")
	check := flag.Bool("check", false, "compare what does not vary with baseline.json, and nothing else")
	record := flag.Bool("record", false, "write baseline.json anew")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *zip, *dir, *only, *effort, *check, *record)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, zip, dir, only string, effort float64, check, record bool) error {
	s, err := newSetup(ctx, zip, effort)
	if err != nil {
		return err
	}
	defer s.close()
	if check || record {
		return checkBaseline(ctx, s, record)
	}
	r := newReport(dir, s)
	var failed []error
	for _, section := range sections {
		if only != "" && !strings.Contains(","+only+",", ","+section.name+",") {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", section.name)
		if err := section.measure(ctx, s, r); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", section.name, err))
			s.omit("the rest of "+section.name, err.Error())
		}
	}
	return errors.Join(append(failed, r.end())...)
}
