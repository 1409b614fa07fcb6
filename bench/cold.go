package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// starter is a program that is started over and over, and what it took.
type starter struct {
	name, path              string
	register, next, cpu, mb samples
}

// coldStarts starts each program in turn against an Extensions API that does
// nothing else.
func coldStarts(ctx context.Context, s *setup, r *report) error {
	empty, err := s.build(ctx, "./empty")
	if err != nil {
		return err
	}
	bare, err := s.build(ctx, "./bare")
	if err != nil {
		return err
	}
	starters := []*starter{
		{name: "an empty extension in Go, with net/http", path: empty},
		{name: "the same, linking the SDK packages that Larder links", path: bare},
		{name: "Larder, with a secret from a file", path: s.larder},
	}
	static := filepath.Join(s.dir, "static")
	if out, err := exec.CommandContext(ctx, "cc", "-O2", "-static", "-o", static, "static/empty.c").CombinedOutput(); err != nil {
		s.omit("an empty program in C", fmt.Sprintf("no C compiler that links static programs: %.100s", out))
	} else {
		starters = append(starters, &starter{name: "an empty program in C, static", path: static})
	}
	file, err := s.file("secrets.json", `{"my-api-key": "abc123"}`)
	if err != nil {
		return err
	}
	a, err := newAPI(false)
	if err != nil {
		return err
	}
	defer a.close()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	env := append(lambda(a), "LARDER_BACKEND=file", "LARDER_FILE="+file, "LARDER_SECRETS=my-api-key", "LARDER_PORT="+port(address))
	rounds := s.rounds(200)
	for round := range rounds + 2 {
		for _, p := range starters {
			if err := p.start(ctx, a, env, round >= 2); err != nil { // the first have files to read
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}

	first, sdk, larder := starters[0], starters[1], starters[2]
	r.printf("\n## Cold start\n\nFrom exec on: the median of %d starts (and the 90th percentile); in brackets the median ratio to the empty extension.\n", rounds)
	rows := [][]string{{"Program", "to Register", "to the first Next", "CPU time", "resident memory"}}
	var bars []bar
	for _, p := range starters {
		row := []string{p.name}
		for _, of := range []func(*starter) samples{
			func(p *starter) samples { return p.register },
			func(p *starter) samples { return p.next },
			func(p *starter) samples { return p.cpu },
		} {
			row = append(row, fmt.Sprintf("%.2f ms (%.2f) [%.2f]", of(p).median(), of(p).quantile(.9), of(p).over(of(first)).median()))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.1f MiB [%.2f]", p.mb.median(), p.mb.over(first.mb).median())))
		bars = append(bars, bar{p.name, p.register.median(), p == larder})
	}
	r.table(rows...)
	r.atMost("exec to Register, to an empty Go extension's", larder.register.over(first.register).median(), 1.4)
	r.atMost("resident memory, to a bare program's that links the same SDK packages", larder.mb.over(sdk.mb).median(), 1.25)
	if info, err := os.Stat(s.layer); err == nil {
		r.atMost("the layer's zip, in MB", float64(info.Size())/1e6, 4.5)
	}
	return r.chart("cold", "From exec to Register", "ms", bars)
}

// start runs p until it asks for its first event.
func (p *starter) start(ctx context.Context, a *api, env []string, counted bool) error {
	a.forget()
	run, err := launch(ctx, env, p.path)
	if err != nil {
		return err
	}
	defer run.kill()
	register, err := a.awaited(ctx, a.registered)
	if err != nil {
		return fmt.Errorf("%w: %s", err, run.output.String())
	}
	next, err := a.awaited(ctx, a.asked)
	if err != nil {
		return fmt.Errorf("%w: %s", err, run.output.String())
	}
	mb := run.resident()
	cpu := run.kill()
	if counted {
		for _, one := range []struct {
			to   *samples
			took time.Duration
		}{{&p.register, register.Sub(run.began)}, {&p.next, next.Sub(run.began)}, {&p.cpu, cpu}} {
			*one.to = append(*one.to, milliseconds(one.took))
		}
		p.mb = append(p.mb, mb)
	}
	return nil
}
