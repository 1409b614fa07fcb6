package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// figures are what a client prints, in microseconds.
type figures struct{ First, P50, P99, P999 float64 }

// told runs a program that prints figures.
func told(ctx context.Context, env []string, path string, args ...string) (f figures, err error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%s: %w: %.500s", path, err, problem.String())
	}
	if err := json.Unmarshal(out, &f); err != nil {
		return f, fmt.Errorf("%s printed %.200q", path, out)
	}
	return f, nil
}

// clients measures what a function sees of a read, through a client in its own
// language.
func clients(ctx context.Context, s *setup, r *report) error {
	if why := missing("nginx"); why != "" {
		s.omit("clients", why)
		return nil
	}
	f, err := s.field(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	program, err := s.build(ctx, "./clients")
	if err != nil {
		return err
	}
	type reader struct {
		name     string
		line     []string
		env      []string
		of       *served
		p50, p99 samples
		p999     samples
	}
	var readers []*reader
	add := func(language string, line ...string) {
		if why := missing(line[0]); why != "" {
			s.omit("a client in "+language, why)
			return
		}
		for _, of := range []*served{f.small, f.plain} {
			readers = append(readers, &reader{name: language + ": " + of.name, line: line, of: of})
		}
	}
	add("Go, net/http", program)
	readers = append(readers, &reader{
		name: "Go, Larder's own client", line: []string{program}, of: f.plain,
		env: []string{"LARDER_SECRET=small", "LARDER_PORT=" + port(f.plain.address()), "AWS_TOKEN=" + token},
	})
	add("Node.js, node:http", "node", "clients/read.mjs")
	add("Python, http.client", "python3", "clients/read.py")
	rounds := s.rounds(5)
	for range rounds {
		for _, c := range readers {
			env := append([]string{"URL=" + c.of.url, "READS=5000", "AWS_SESSION_TOKEN=" + token}, c.env...)
			took, err := told(ctx, env, c.line[0], c.line[1:]...)
			if err != nil {
				return err
			}
			c.p50, c.p99, c.p999 = append(c.p50, took.P50), append(c.p99, took.P99), append(c.p999, took.P999)
		}
	}
	r.printf("\n## Through clients\n\nOne read after the other over one connection, 5,000 in a process of its own: the median of %d processes.\n", rounds)
	rows := [][]string{{"Client and server", "p50", "p99", "p99.9"}}
	for _, c := range readers {
		rows = append(rows, []string{c.name, duration(c.p50.median()), duration(c.p99.median()), duration(c.p999.median())})
	}
	r.table(rows...)
	return nil
}
