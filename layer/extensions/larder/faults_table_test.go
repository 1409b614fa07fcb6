package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// row is a row of the table of faults, and what else came of its cell.
type row struct {
	fault, got, speed, calls, logged string

	took    time.Duration
	problem string // what should not have been
}

// columns are what a cell must come to again.
func (r row) columns() string {
	return strings.Join([]string{r.fault, r.got, r.calls, r.logged}, " | ")
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", r.fault, r.got, r.speed, r.calls, r.logged)
}

// speed is a class of time: whether the reader waits, and for what. A read of the
// class may take as long as bound, on a machine that has other things to do.
type speed struct {
	name  string
	bound time.Duration
}

var (
	atOnce         = speed{"at once", 1800 * time.Millisecond}
	atOnceOrLater  = speed{"at once, or after another call", 5 * time.Second}
	refreshWait    = speed{"within LARDER_REFRESH_WAIT (250 ms)", 900 * time.Millisecond}
	withTheAnswer  = speed{"with the answer", 3 * time.Second}
	quickAttempts  = speed{"after three attempts, 0.3 s at most", 4 * time.Second}
	pacedAttempts  = speed{"after three attempts, 0.8 s at most", 5 * time.Second}
	slowAttempts   = speed{"after three attempts of 2 s", 15 * time.Second}
	restOfAttempts = speed{"after what INIT has left of three attempts of 2 s", 12 * time.Second}
	tooLong        = speed{"once 16 MiB have come", 10 * time.Second}
)

var speeds = []speed{atOnce, atOnceOrLater, refreshWait, withTheAnswer, quickAttempts, pacedAttempts, slowAttempts, restOfAttempts, tooLong}

// speed returns the class of the cell's read; more says that it may have begun
// another call.
func (c *cell) speed(more bool) speed {
	switch {
	case c.phase.prefetch() && c.kind.slow:
		return restOfAttempts
	case c.phase.prefetch() && more:
		return atOnceOrLater
	case c.phase.prefetch() || c.kind.quick:
		return atOnce
	case c.phase.refresh():
		return refreshWait
	default:
		return c.kind.pace
	}
}

// boundOf returns how long a read of the class may take at most.
func boundOf(class string) time.Duration {
	for _, s := range speeds {
		if s.name == class {
			return s.bound
		}
	}
	return 0
}

// got says what the reader got.
func got(a answer) string {
	if a.Status != http.StatusOK {
		var problem struct{ Code string }
		json.Unmarshal(a.Body, &problem)
		return strings.TrimSpace(fmt.Sprintf("%d `%s`", a.Status, cmp.Or(problem.Code, a.Error)))
	}
	text := "200, another value"
	switch string(a.Body) {
	case heldValue:
		text = "200, the held value"
	case newValue:
		text = "200, the current value"
	}
	if a.Header.Get("Larder-Stale") == "true" {
		text += ", `Larder-Stale: true`"
	}
	return text + ", `Cache-Status: " + cacheStatus(a) + "`"
}

// cacheStatus leaves out who began the call that a read has waited for, which is
// a matter of luck, and the TTL, which is the clock's.
func cacheStatus(a answer) string {
	status := strings.Split(a.Header.Get("Cache-Status"), "; ")
	return strings.Join(status[:min(2, len(status))], "; ")
}

var (
	portNumber = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	attributes = regexp.MustCompile(` \((secret|permission)=[^()]*\)$`)
)

// logged returns the lines at warn and above, and the one that ends an outage,
// without what is another at each run.
func logged(lines []string) string {
	var texts []string
	times := map[string]int{}
	for _, line := range lines {
		level, text, _ := strings.Cut(strings.TrimPrefix(line, "larder: "), ": ")
		if level != "warn" && level != "error" && !(level == "info" && strings.HasPrefix(text, "the backend answers again")) {
			continue
		}
		text = attributes.ReplaceAllString(portNumber.ReplaceAllString(line, "127.0.0.1:…"), "")
		text = strings.ReplaceAll(strings.TrimPrefix(text, "larder: "), "|", `\|`)
		if times[text]++; times[text] == 1 {
			texts = append(texts, text)
		}
	}
	for i, text := range texts {
		texts[i] = "`" + text + "`"
		if n := times[text]; n > 1 {
			texts[i] += fmt.Sprintf(" (%d times)", n)
		}
	}
	return cmp.Or(strings.Join(texts, "<br>"), "nothing")
}

const faultsPath = "testdata/faults.md"

const faultsTitle = `# What a failing backend comes to

Each row is a run of the built extension, with default settings, in a local Lambda against a Secrets
Manager that fails on demand. (Where the service throttles, or its answer is very long,
LARDER_REFRESH_TIMEOUT is 10 s: luck, or the machine, would decide whether a refresh is given up.) A test
repeats all of them and fails where one comes out otherwise. To renew the table:
` + "`UPDATE_FAULTS=1 go test -run TestFaults ./layer/extensions/larder`" + `.

Each is also held to this: an invocation that reads nothing is answered and ends in time; where a value
is held, the next read waits for nobody; no value and no token is in what the extension prints or
answers as an error; with the fault lifted and the back-off over, the next read gets the current value,
which is when the line "the backend answers again" is printed; and SHUTDOWN ends the process with status 0.

*How fast* says whether the read waits, and for what; the test holds it to a generous upper bound of that.
*Calls* are those that the backend counted until the end of the invocation; "1 to 2" and "3 to 6" say that
there is another question where the back-off after the first, which is random from 0 to 0.5 s, is over.
*Logged* are all lines at warn and above, and the one that ends an outage.
`

// readFaults returns the rows that are kept.
func readFaults(t *testing.T) map[played]row {
	t.Helper()
	text, err := os.ReadFile(faultsPath)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	rows := map[played]row{}
	title := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			title = heading
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		if len(cells) == 5 {
			rows[played{title, cells[0]}] = row{fault: cells[0], got: cells[1], speed: cells[2], calls: cells[3], logged: cells[4]}
		}
	}
	return rows
}

// write keeps what was played, which must be everything.
func (f *faultTable) write(t *testing.T, kinds []faultKind) {
	t.Helper()
	var b strings.Builder
	b.WriteString(faultsTitle)
	for _, ph := range phases {
		fmt.Fprintf(&b, "\n## %s\n\n| The backend | The read gets | How fast | Calls | Logged |\n|---|---|---|---|---|\n", ph.title)
		for _, kind := range kinds {
			r, ok := f.rows[played{ph.title, kind.name}]
			if !ok {
				t.Fatal("the table is not renewed: not all cells were played")
			}
			fmt.Fprintln(&b, r)
		}
	}
	if err := os.WriteFile(faultsPath, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
