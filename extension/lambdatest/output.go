package lambdatest

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"sync"
)

// sink writes whole lines of several processes to one writer.
type sink struct {
	mu sync.Mutex // held during the write: its purpose is to keep writes apart
	w  io.Writer
}

func (s *sink) line(prefix string, line []byte) {
	text := slices.Concat([]byte(prefix), bytes.TrimSuffix(line, []byte("\n")), []byte("\n"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Write(text) // nobody to tell: the lines are kept as well
}

// output collects what one process prints.
type output struct {
	prefix string
	sink   *sink         // nil: only keep
	ended  chan struct{} // closed when collect has returned

	mu   sync.Mutex
	text []byte
}

// collect reads lines of any length until r ends, then closes ended. A last
// line without a line feed is kept as it is.
func (o *output) collect(r io.Reader) {
	defer close(o.ended)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			o.keep(line)
			if o.sink != nil {
				o.sink.line(o.prefix, line)
			}
		}
		if err != nil {
			return
		}
	}
}

func (o *output) keep(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, line...)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
