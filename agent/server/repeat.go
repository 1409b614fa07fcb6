package server

import (
	"bytes"
	"net"
	"sync/atomic"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// repeats are the requests that have been answered on a connection, byte for
// byte, and what each asked for. Who reads a secret does so over and over, with
// the same bytes, and what they mean has then been found out once: net/http has
// parsed them, the guard let them pass, a handler answered. So they are answered
// again without any of the three, as long as the cache holds what they ask for;
// all else goes the whole way. Answering costs a fifth of what it does otherwise
// (bench/report.md).
//
// For this to be sound what is given to net/http has to be whole requests, one at
// a time, from the first byte of the connection on: a part of one could be another
// request's likeness. A connection on which that is not so has no repeats.
type repeats struct {
	mixed   atomic.Bool // something else than one whole request has been read
	last    []byte      // the request that net/http was given last
	rest    []byte      // of the learned ones: all but their first lines
	learned map[string]*question
	written time.Time // when the deadline for writing was last set

	buffer []byte // in which answers are put together, the last of them at the moment
	shown  shown  // what that says; zero unless the value is in the buffer too
}

// shown is all that an answer depends on.
type shown struct {
	q                *question
	secret           *agent.Secret
	age, ttl, second int64
}

const (
	maxLearned  = 64      // requests that differ in their first lines
	maxRepeated = 4 << 10 // bytes of one: what net/http reads at a time
	maxCopied   = 4 << 10 // bytes of a value that is written in one piece with its header

	// The deadline of a write is set for all of the next half minute at once.
	writeRenewal = writeTimeout / 2
)

// seen notes what was read and returns what it asks for, where that has been
// learned.
func (s *repeats) seen(p []byte) *question {
	if s.mixed.Load() {
		return nil
	}
	if line := firstLine(p); len(line) > 0 && bytes.Equal(p[len(line):], s.rest) {
		if q := s.learned[string(line)]; q != nil {
			return q
		}
	}
	if whole(p) {
		s.last = append(s.last[:0], p...)
	} else {
		s.mixed.Store(true)
	}
	return nil
}

// whole reports whether p is one request of HTTP/1.1 without a body, as far as
// its framing says.
func whole(p []byte) bool {
	return len(p) < maxRepeated && bytes.HasPrefix(p, []byte("GET /")) && bytes.HasSuffix(firstLine(p), []byte(" HTTP/1.1\r\n")) &&
		bytes.HasSuffix(p, []byte("\r\n\r\n")) && bytes.Index(p, []byte("\n\r\n")) == len(p)-3 && !bytes.Contains(p, []byte("\n\n"))
}

func firstLine(p []byte) []byte { return p[:bytes.IndexByte(p, '\n')+1] }

// learn notes what the last request asked for, which has been answered.
func (s *repeats) learn(q question) {
	if s.mixed.Load() || len(s.last) == 0 {
		return
	}
	line := firstLine(s.last)
	if rest := s.last[len(line):]; !bytes.Equal(rest, s.rest) || len(s.learned) >= maxLearned {
		s.rest, s.learned = bytes.Clone(rest), map[string]*question{}
	}
	s.learned[string(line)] = &q
}

// answer answers a repeat from memory, or reports that it cannot.
func (c *conn) answer(q *question) (answered bool, err error) {
	defer func() {
		if recover() != nil { // the handler will, and says so without a value
			answered, err = false, nil
		}
	}()
	reading, ok := c.server.config.Cache.Hit(q.ref)
	if !ok {
		return false, nil
	}
	s, now := &c.repeats, time.Now()
	if now.Sub(s.written) > writeRenewal {
		s.written = now
		if err := c.SetWriteDeadline(now.Add(writeTimeout)); err != nil {
			return false, err
		}
	}
	next := shown{q, reading.Secret, int64(reading.Age / time.Second), int64(reading.TTL / time.Second), now.Unix()}
	if s.shown == next {
		_, err = c.Conn.Write(s.buffer)
		return true, err
	}
	body, err := reading.Secret.Form(q.form.name, q.form.write)
	if err != nil {
		return false, nil
	}
	s.shown = shown{}
	s.buffer = append(s.buffer[:0], "HTTP/1.1 200 OK\r\n"...)
	for _, f := range q.form.fields(reading, len(body)) {
		s.buffer = append(append(append(append(s.buffer, f.name...), ": "...), f.value...), "\r\n"...)
	}
	s.buffer = append(now.UTC().AppendFormat(append(s.buffer, "Date: "...), "Mon, 02 Jan 2006 15:04:05 GMT"), "\r\n\r\n"...)
	if len(body) > maxCopied {
		_, err = (&net.Buffers{s.buffer, body}).WriteTo(c.Conn)
		return true, err
	}
	s.buffer, s.shown = append(s.buffer, body...), next
	_, err = c.Conn.Write(s.buffer)
	return true, err
}
