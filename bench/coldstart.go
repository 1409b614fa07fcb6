package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// program is an extension that is started over and over.
type program struct {
	name, path string
	starts     []start
}

// start is one run until the first Next.
type start struct {
	register, next, cpu time.Duration
	rss                 int // KiB
}

// starts are the programs that were measured; the ratios are to the second.
type starts []*program

// coldStarts starts each program in turn, so many times, against an Extensions
// API that does nothing else.
func coldStarts(ctx context.Context, larder string, rounds int) (starts, error) {
	dir, err := os.MkdirTemp("", "larder-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	larder, err = filepath.Abs(larder)
	if err != nil {
		return nil, err
	}
	programs := starts{
		{name: "an empty program in C, static", path: filepath.Join(dir, "c")},
		{name: "an empty extension in Go, with net/http", path: filepath.Join(dir, "go")},
		{name: "Larder, with a secret from a file", path: larder},
	}
	if out, err := command(ctx, "cc", "-O2", "-static", "-o", programs[0].path, "static/empty.c"); err != nil {
		fmt.Fprintf(os.Stderr, "bench: there is no C compiler that links static programs: %s\n", out)
		programs = programs[1:]
	}
	if out, err := command(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "go"), "./empty"); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	secrets := filepath.Join(dir, "secrets.json")
	if err := os.WriteFile(secrets, []byte(`{"my-api-key": "abc123"}`), 0o600); err != nil {
		return nil, err
	}
	api, err := newAPI()
	if err != nil {
		return nil, err
	}
	defer api.close()
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + api.address(), "AWS_SESSION_TOKEN=token", "LARDER_BACKEND=file", "LARDER_FILE=" + secrets,
		"LARDER_SECRETS=my-api-key", "LARDER_PORT=27731", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
	}
	for round := range rounds + 1 {
		for _, p := range programs {
			s, err := p.start(ctx, api, env)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 { // the first has files to read
				p.starts = append(p.starts, s)
			}
		}
	}
	return programs, nil
}

func command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}

// start runs p until it asks for its first event.
func (p *program) start(ctx context.Context, api *api, env []string) (start, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path)
	cmd.Env = env
	api.forget()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return start{}, err
	}
	var s start
	for _, at := range []struct {
		what    <-chan time.Time
		elapsed *time.Duration
	}{{api.registered, &s.register}, {api.asked, &s.next}} {
		select {
		case when := <-at.what:
			*at.elapsed = when.Sub(began)
		case <-ctx.Done():
			cmd.Process.Kill()
			cmd.Wait()
			return start{}, fmt.Errorf("it has not come so far: %w", ctx.Err())
		}
	}
	s.rss = resident(cmd.Process.Pid)
	cmd.Process.Kill()
	cmd.Wait()
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s, nil
}

// resident is a process's resident memory in KiB; 0 where the system does not
// tell.
func resident(pid int) (kib int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fmt.Sscan(rest, &kib)
	return kib
}

func (s starts) write(w io.Writer) {
	reference := s[max(0, len(s)-2)] // the empty extension
	fmt.Fprintf(w, "\n## Cold start\n\nFrom exec on, the median of %d starts (and the 90th percentile); in brackets the ratio to the empty extension.\n\n"+
		"| Program | to Register | to the first Next | CPU time | resident memory |\n|---|---|---|---|---|\n", len(reference.starts))
	for _, p := range s {
		fmt.Fprintf(w, "| %s |", p.name)
		for _, of := range []func(start) time.Duration{
			func(s start) time.Duration { return s.register },
			func(s start) time.Duration { return s.next },
			func(s start) time.Duration { return s.cpu },
		} {
			fmt.Fprintf(w, " %.1f ms (%.1f) [%.2f] |", milliseconds(p.quantile(of, .5)), milliseconds(p.quantile(of, .9)),
				float64(p.quantile(of, .5))/float64(reference.quantile(of, .5)))
		}
		rss := func(s start) time.Duration { return time.Duration(s.rss) }
		fmt.Fprintf(w, " %.1f MiB [%.2f] |\n", float64(p.quantile(rss, .5))/1024, float64(p.quantile(rss, .5))/float64(reference.quantile(rss, .5)))
	}
}

func (p *program) quantile(of func(start) time.Duration, q float64) time.Duration {
	var values []time.Duration
	for _, s := range p.starts {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }
