package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// constant is a figure that is the same on every machine, or nearly, for the same
// source and toolchain: what it is made of is counted and not timed.
type constant struct {
	name      string
	tolerance float64 // how much more than the recorded figure is still the same
	measure   func(context.Context, *setup) (float64, error)
}

var constants = []constant{
	{"instructions from exec until Register is refused", .05, startInstructions},
	{"instructions of a repeated read", .05, func(ctx context.Context, s *setup) (float64, error) {
		return readInstructions(ctx, s, "BenchmarkRepeat$")
	}},
	{"instructions of a read that goes the whole way", .05, func(ctx context.Context, s *setup) (float64, error) {
		return readInstructions(ctx, s, "BenchmarkRequest$/^value$")
	}},
	{"allocations of a repeated read", .1, func(ctx context.Context, s *setup) (float64, error) { return allocations(ctx, s, "BenchmarkRepeat$") }},
	{"allocations of a read that goes the whole way", .1, func(ctx context.Context, s *setup) (float64, error) {
		return allocations(ctx, s, "BenchmarkRequest$/^value$")
	}},
	{"bytes allocated before main", .05, initBytes},
	{"bytes of the extension's binary", .03, func(_ context.Context, s *setup) (float64, error) { return size(s.larder) }},
	{"bytes of the layer's zip", .03, func(_ context.Context, s *setup) (float64, error) { return size(s.layer) }},
}

const baselinePath = "baseline.json"

// errNoValgrind leaves out what valgrind counts.
var errNoValgrind = errors.New("valgrind is not installed")

// checkBaseline compares the constants with the recorded ones, or records them.
func checkBaseline(ctx context.Context, s *setup, record bool) error {
	if runtime.GOARCH != "amd64" {
		fmt.Println("skipped: what is recorded is of amd64, and this is " + runtime.GOARCH)
		return nil
	}
	recorded := map[string]float64{}
	text, err := os.ReadFile(baselinePath)
	if err == nil {
		err = json.Unmarshal(text, &recorded)
	}
	if err != nil && !record {
		return fmt.Errorf("%s: %w", baselinePath, err)
	}
	measured, worse := map[string]float64{}, []string{}
	for _, c := range constants {
		got, err := c.measure(ctx, s)
		if errors.Is(err, errNoValgrind) && !record {
			fmt.Printf("skipped: %s: %v\n", c.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		measured[c.name] = got
		was, known := recorded[c.name]
		if record {
			fmt.Printf("%12.0f  %s (was %.0f)\n", got, c.name, was)
			continue
		}
		fmt.Printf("%12.0f  %s (recorded: %.0f)\n", got, c.name, was)
		if !known || got > was*(1+c.tolerance) {
			worse = append(worse, fmt.Sprintf("%s: %.0f, recorded were %.0f, and %.0f %% more are tolerated", c.name, got, was, 100*c.tolerance))
		}
	}
	if record {
		text, err := json.MarshalIndent(measured, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile(baselinePath, append(text, '\n'), 0o644)
	}
	if len(worse) > 0 {
		return fmt.Errorf("slower or larger than recorded:\n%s\nhint: find out why; where it is worth it: make bench-record", strings.Join(worse, "\n"))
	}
	return nil
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions are what valgrind counts of a run; the least of three, since
// the runtime's own threads add to it now and then.
func instructions(ctx context.Context, env []string, line ...string) (float64, error) {
	if missing("valgrind") != "" {
		return 0, errNoValgrind
	}
	least := 0.0
	for range 3 {
		cmd := exec.CommandContext(ctx, "valgrind", append([]string{"--tool=callgrind", "--callgrind-out-file=/dev/null"}, line...)...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1"}, env...)
		out, _ := cmd.CombinedOutput() // the extension fails, as it is to
		found := collected.FindSubmatch(out)
		if found == nil {
			return 0, fmt.Errorf("valgrind: %.500s", out)
		}
		n, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return 0, err
		}
		if least == 0 || n < least {
			least = n
		}
	}
	return least, nil
}

// startInstructions are those of a start until the Extensions API, at whose port
// nobody listens, cannot be registered with.
func startInstructions(ctx context.Context, s *setup) (float64, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	return instructions(ctx, []string{"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "AWS_SESSION_TOKEN=" + token, "LARDER_PORT=" + port(address), "LARDER_SECRETS=my-api-key"}, s.larder)
}

// readInstructions are those of one operation of a benchmark: what more of them
// take than fewer.
func readInstructions(ctx context.Context, s *setup, benchmark string) (float64, error) {
	binary, err := s.serverBenchmark(ctx)
	if err != nil {
		return 0, err
	}
	const fewer, more = 1000, 6000
	var took [2]float64
	for i, n := range []int{fewer, more} {
		if took[i], err = instructions(ctx, nil, binary, "-test.run=^$", "-test.bench=^"+benchmark, fmt.Sprintf("-test.benchtime=%dx", n)); err != nil {
			return 0, err
		}
	}
	return (took[1] - took[0]) / (more - fewer), nil
}

func allocations(ctx context.Context, s *setup, benchmark string) (float64, error) {
	binary, err := s.serverBenchmark(ctx)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^"+benchmark, "-test.benchtime=20000x")
	cmd.Dir = filepath.Dir(binary)
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(perOperation(string(out)))
	for i, field := range fields {
		if field == "allocs/op" {
			return strconv.ParseFloat(fields[i-1], 64)
		}
	}
	return 0, fmt.Errorf("%s printed %.200q", benchmark, out)
}

func initBytes(ctx context.Context, s *setup) (float64, error) {
	cmd := exec.CommandContext(ctx, s.larder)
	cmd.Env = []string{"GODEBUG=inittrace=1"}
	out, _ := cmd.CombinedOutput() // it says that this is no Lambda
	total := 0.0
	for line := range strings.Lines(string(out)) {
		var name string
		var at, took, bytes float64
		if n, _ := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %f bytes", &name, &at, &took, &bytes); n == 4 {
			total += bytes
		}
	}
	if total == 0 {
		return 0, errors.New("there is no trace of the packages' initialisation")
	}
	return total, nil
}

func size(path string) (float64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()), nil
}
