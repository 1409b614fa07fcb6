package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// profiles name what is left of the cost of a start and of a read.
func profiles(ctx context.Context, s *setup, r *report) error {
	packages, total, err := s.inits(ctx)
	if err != nil {
		return err
	}
	r.printf("\n## Where the time goes\n\nBefore the first line of main, in the packages that are linked (`GODEBUG=inittrace=1`, the median of 9 starts): %.2f ms.\n", total)
	rows := [][]string{{"Package", "ms"}}
	for _, p := range packages[:min(12, len(packages))] {
		rows = append(rows, []string{"`" + p.name + "`", fmt.Sprintf("%.3f", p.took)})
	}
	r.table(rows...)

	binary, err := s.serverBenchmark(ctx)
	if err != nil {
		return err
	}
	for _, b := range []struct{ name, title, focus string }{
		{"BenchmarkRepeat$", "A read that repeats the one before on its connection, without the sockets", `server\.\(\*conn\)\.Read`},
		{"BenchmarkRequest$/^value$", "A read that goes the whole way, without the sockets and net/http's own part", `server\.\(\*Server\)\.guard`},
	} {
		profile := filepath.Join(s.dir, "cpu.out")
		cmd := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.bench=^"+b.name, "-test.benchtime=1000000x", "-test.cpuprofile="+profile)
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", b.name, err, out)
		}
		top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=18", "-focus="+b.focus, binary, profile).Output()
		if err != nil {
			return err
		}
		_, table, _ := strings.Cut(string(top), "      flat")
		r.printf("\n%s: %s.\n\n```\n      flat%s```\n", b.title, perOperation(string(out)), strings.ReplaceAll(table, "github.com/larder-secrets/larder/", ""))
	}
	return nil
}

// perOperation is what a benchmark printed of one operation.
func perOperation(out string) string {
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "Benchmark") && len(fields) > 3 {
			return strings.Join(fields[2:], " ")
		}
	}
	return ""
}

// serverBenchmark compiles the benchmarks of the package that answers requests.
func (s *setup) serverBenchmark(ctx context.Context) (string, error) {
	binary := filepath.Join(s.dir, "server.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./agent/server")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c ./agent/server: %w: %s", err, out)
	}
	return binary, nil
}

// initialised is what a package took before main.
type initialised struct {
	name string
	took float64 // ms
}

// inits measures the packages' initialisation, of which the longest comes first,
// and the total.
func (s *setup) inits(ctx context.Context) (packages []initialised, total float64, _ error) {
	all := map[string]samples{}
	var totals samples
	for range 9 {
		cmd := exec.CommandContext(ctx, s.larder)
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		var out bytes.Buffer
		cmd.Stderr = &out
		_ = cmd.Run() // it says that this is no Lambda
		sum := 0.0
		for lines := bufio.NewScanner(&out); lines.Scan(); {
			var name string
			var at, took float64
			if n, _ := fmt.Sscanf(lines.Text(), "init %s @%f ms, %f ms clock", &name, &at, &took); n == 3 {
				all[name] = append(all[name], took)
				sum += took
			}
		}
		totals = append(totals, sum)
	}
	for name, took := range all {
		packages = append(packages, initialised{name, took.median()})
	}
	slices.SortFunc(packages, func(a, b initialised) int {
		if a.took != b.took {
			return int(1e6 * (b.took - a.took))
		}
		return strings.Compare(a.name, b.name)
	})
	if len(packages) == 0 {
		return nil, 0, fmt.Errorf("%s prints no trace: %w", s.larder, os.ErrInvalid)
	}
	return packages, totals.median(), nil
}
