package main

import (
	"os"
	"sync"
	"testing"
)

// running is how many local Lambdas run at the same time: most of what they do is
// to wait, so that they are more than the tests that -parallel lets run.
const running = 8

// TestFaults plays each fault in each phase and compares what came of it with the
// table that is kept. What differs is played once more, alone: a cell has moments,
// and the machine may have other things to do in one of them. To renew the table:
// UPDATE_FAULTS=1 go test -run TestFaults ./layer/extensions/larder
func TestFaults(t *testing.T) {
	t.Parallel()
	kinds := faultKinds()
	table := &faultTable{kept: readFaults(t), update: os.Getenv("UPDATE_FAULTS") != "", rows: map[played]row{}}
	turn := make(chan struct{}, running)
	var all sync.WaitGroup
	for _, slow := range []bool{true, false} { // which would otherwise be the last and alone
		for _, ph := range phases {
			for _, kind := range kinds {
				if kind.slow != slow {
					continue
				}
				turn <- struct{}{}
				all.Go(func() {
					defer func() { <-turn }()
					t.Run(ph.name+"/"+kind.name, func(t *testing.T) {
						if d := table.play(t, kind, ph); d != "" {
							t.Log(d)
						}
					})
				})
			}
		}
	}
	all.Wait()
	for _, ph := range phases {
		for _, kind := range kinds {
			if r, ok := table.rows[played{ph.title, kind.name}]; ok && table.difference(r, ph) != "" {
				t.Run(ph.name+"/"+kind.name+"/alone", func(t *testing.T) {
					if d := table.play(t, kind, ph); d != "" {
						t.Error(d)
					}
				})
			}
		}
	}
	if table.update && !t.Failed() {
		table.write(t, kinds)
	}
}

// faultTable is the table that is kept, and what is played now.
type faultTable struct {
	kept   map[played]row
	update bool

	mu   sync.Mutex // guards rows
	rows map[played]row
}

// played names a cell.
type played struct{ phase, kind string }

// play runs a cell and says in what it is not as it should be.
func (f *faultTable) play(t *testing.T, kind faultKind, ph phase) string {
	r := runCell(t, kind, ph)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows[played{ph.title, kind.name}] = r
	return f.difference(r, ph)
}

func (f *faultTable) difference(r row, ph phase) string {
	kept := f.kept[played{ph.title, r.fault}]
	switch {
	case r.problem != "":
		return r.problem
	case f.update:
		return ""
	case r.columns() != kept.columns():
		return "the cell is not as " + faultsPath + " has it; renew that with UPDATE_FAULTS=1\ngot  " + r.String() + "\nwant " + kept.String()
	case r.took > boundOf(kept.speed):
		return "the read took " + r.took.String() + ", which is not \"" + kept.speed + "\""
	default:
		return ""
	}
}
