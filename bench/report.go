package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report is what is written in the end: the targets first, then the sections.
type report struct {
	dir     string // empty: standard output, without charts
	setup   *setup
	body    strings.Builder
	targets []target
}

// target is what a figure is to reach.
type target struct {
	what       string
	got, limit float64
	atLeast    bool   // rather than at most
	obstacle   string // what stands in the way where it is missed
}

func (t target) met() bool {
	if t.atLeast {
		return t.got >= t.limit
	}
	return t.got <= t.limit
}

func newReport(dir string, s *setup) *report { return &report{dir: dir, setup: s} }

func (r *report) printf(format string, args ...any) { fmt.Fprintf(&r.body, format, args...) }

// obstacle says of the last target what stands in the way where it is missed, and
// what was tried.
func (r *report) obstacle(text string) { r.targets[len(r.targets)-1].obstacle = text }

func (r *report) atMost(what string, got, limit float64) {
	r.targets = append(r.targets, target{what: what, got: got, limit: limit})
}

func (r *report) atLeast(what string, got, limit float64) {
	r.targets = append(r.targets, target{what: what, got: got, limit: limit, atLeast: true})
}

// table writes rows of cells, the first of which are the heads.
func (r *report) table(rows ...[]string) {
	r.printf("\n")
	for i, row := range rows {
		r.printf("| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			r.printf("|%s\n", strings.Repeat("---|", len(row)))
		}
	}
}

// chart writes a chart beside the report and shows it there.
func (r *report) chart(name, title, unit string, bars []bar) error {
	if r.dir == "" {
		return nil
	}
	dir := filepath.Join(r.dir, "charts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	r.printf("\n![%s](charts/%s.svg)\n", title, name)
	return os.WriteFile(filepath.Join(dir, name+".svg"), []byte(draw(title, unit, bars)), 0o644)
}

func (r *report) end() error {
	var text strings.Builder
	fmt.Fprintf(&text, "# Measured beside others\n\nWritten by `make bench`, in %s. %s\nEvery figure is from this machine alone: read the ratios.\n", took(r.setup), machine())
	if len(r.targets) > 0 {
		fmt.Fprintf(&text, "\n## Targets\n\n| What | Measured | Target | |\n|---|---|---|---|\n")
	}
	for _, t := range r.targets {
		sign, verdict := "≤", "met"
		if t.atLeast {
			sign = "≥"
		}
		if !t.met() {
			verdict = "**missed**"
		}
		fmt.Fprintf(&text, "| %s | %.3g | %s %.3g | %s |\n", t.what, t.got, sign, t.limit, verdict)
	}
	for _, t := range r.targets {
		if !t.met() && t.obstacle != "" {
			fmt.Fprintf(&text, "\n*Missed: %s.* %s\n", t.what, t.obstacle)
		}
	}
	text.WriteString(r.body.String())
	if len(r.setup.leftOut) > 0 {
		fmt.Fprintf(&text, "\n## Left out\n\n- %s\n", strings.Join(r.setup.leftOut, "\n- "))
	}
	if r.dir == "" {
		_, err := os.Stdout.WriteString(text.String())
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "report.md"), []byte(text.String()), 0o644)
}

var started = time.Now()

func took(s *setup) string {
	text := time.Since(started).Round(time.Minute).String()
	text = strings.TrimSuffix(text, "0s")
	if s.effort != 1 {
		text += fmt.Sprintf(", with %g times the usual rounds", s.effort)
	}
	return text
}

// machine says what this was measured on.
func machine() string {
	name, memory := runtime.GOOS+"/"+runtime.GOARCH, ""
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(cpu)) {
		if field, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(field) == "model name" {
			name = strings.TrimSpace(model)
			break
		}
	}
	info, _ := os.ReadFile("/proc/meminfo")
	var kib float64
	if _, err := fmt.Sscanf(string(info), "MemTotal: %f", &kib); err == nil {
		memory = fmt.Sprintf(", %.0f GiB of memory", kib/(1<<20))
	}
	kernel, _ := exec.Command("uname", "-sr").Output()
	return fmt.Sprintf("%s, %d cores shared by all that runs%s, %s, %s.", name, runtime.NumCPU(), memory, strings.TrimSpace(string(kernel)), runtime.Version())
}
