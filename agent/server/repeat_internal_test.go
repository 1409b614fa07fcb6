package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

const (
	one   = "GET /secret?name=a HTTP/1.1\r\nHost: h\r\nToken: t\r\n\r\n"
	other = "GET /secret?name=b HTTP/1.1\r\nHost: h\r\nToken: t\r\n\r\n"
)

// lines follows what a connection reads, as net/http does: what has been asked is
// learned when its last byte is there.
type lines struct {
	repeats
	unread []byte // by net/http
	asked  []string
}

// read takes a chunk and reports whether it was answered as a repeat.
func (l *lines) read(chunk string) bool {
	if q := l.seen([]byte(chunk)); q != nil {
		l.asked = append(l.asked, q.ref.ID)
		return true
	}
	l.unread = append(l.unread, chunk...)
	for {
		r := bytes.NewReader(l.unread)
		b := bufio.NewReader(r)
		req, err := http.ReadRequest(b)
		if err != nil {
			return false
		}
		l.unread = l.unread[len(l.unread)-r.Len()-b.Buffered():]
		l.asked = append(l.asked, req.RequestURI)
		l.learn(question{ref: agent.Reference{ID: req.RequestURI}})
	}
}

func TestRepeats(t *testing.T) {
	tests := []struct {
		name     string
		chunks   []string
		repeated int // of them
	}{
		{"the same again and again", []string{one, one, one}, 2},
		{"two in turn", []string{one, other, one, other}, 2},
		{"another header", []string{one, strings.Replace(one, "t\r", "u\r", 1), one}, 0},
		{"in two pieces", []string{one[:20], one[20:], one, one}, 0},
		{"two at once", []string{one + other, one, one}, 0},
		{"more than one", []string{one + "G", "ET /secret?name=b HTTP/1.1\r\n\r\n", one, one}, 0},
		{"another's likeness as a header", []string{"GET /secret?name=b HTTP/1.1\r\nX: ", one, one, one}, 0},
		{"an empty line of one byte", []string{"GET /secret?name=b HTTP/1.1\n\n" + one, one, one}, 0},
		{"an empty line of one byte after a header", []string{"GET /secret?name=b HTTP/1.1\r\nHost: h\n\n" + one, "GET /secret?name=b HTTP/1.1\r\nHost: h\n\n" + one}, 0},
		{"lines of one byte", []string{strings.ReplaceAll(one, "\r\n", "\n"), one, one}, 0},
		{"an empty line before", []string{"\r\n" + one, one, one}, 0},
		{"HTTP/1.0", []string{strings.Replace(one, "1.1", "1.0", 1), strings.Replace(one, "1.1", "1.0", 1)}, 0},
		{"another method", []string{"POST" + one[3:], "POST" + one[3:]}, 0},
		{"a long one", []string{one[:len(one)-4] + strings.Repeat("x", 4<<10) + "\r\n\r\n", one, one}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l lines
			repeated := 0
			for _, chunk := range test.chunks {
				if l.read(chunk) {
					repeated++
				}
			}
			if repeated != test.repeated {
				t.Errorf("%d were taken for repeats, want %d; asked %q", repeated, test.repeated, l.asked)
			}
		})
	}
}

func TestRepeatsAreBounded(t *testing.T) {
	var l lines
	for range 3 * maxLearned {
		l.read(strings.Replace(one, "name=a", "name="+strings.Repeat("a", 1+len(l.asked)%200), 1))
	}
	if len(l.learned) > maxLearned {
		t.Errorf("%d requests are kept", len(l.learned))
	}
}

// FuzzRepeats: whatever is read, and in whatever pieces, a repeat is what net/http
// would have taken it for, and where net/http would have begun a request.
func FuzzRepeats(f *testing.F) {
	for _, seed := range []string{one, one[:20] + "|" + one[20:], one + other, one + "|" + one, "\n\n" + one, "GET / HTTP/1.1\nX: |" + one + "|" + one} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l lines
		for chunk := range strings.SplitSeq(text, "|") {
			for range 2 { // a repeat is what is of interest
				if chunk == "" || len(chunk) > 4<<10 {
					continue
				}
				if !l.read(chunk) {
					continue
				}
				req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(chunk)))
				if err != nil || len(l.unread) > 0 || l.asked[len(l.asked)-1] != req.RequestURI {
					t.Fatalf("%q was taken for a repeat: %v; before it net/http had not read %q; asked %q", chunk, err, l.unread, l.asked)
				}
			}
		}
	})
}

type held struct{}

func (held) Fetch(_ context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	for i, ref := range refs {
		deliver(i, agent.Result{Secret: &agent.Secret{Name: ref.ID, Value: agent.NewValue([]byte("abc123"))}})
	}
}

// TestCloseLetsARepeatEnd: net/http closes connections that it takes for idle
// when the server stops.
func TestCloseLetsARepeatEnd(t *testing.T) {
	open := func(context.Context) (agent.Backend, error) { return held{}, nil }
	cache := agent.New(agent.Config{Sources: map[string]agent.Source{"aws": {Open: open, TTL: time.Minute}}})
	defer cache.Close()
	ref := agent.Reference{Scheme: "aws", ID: "a"}
	if _, err := cache.Get(t.Context(), ref, agent.Cached); err != nil {
		t.Fatal(err)
	}
	for _, closes := range []int{1, 2} {
		client, end := net.Pipe() // on which a write waits for its reader
		s := &Server{config: Config{Cache: cache}}
		s.open.Add(1)
		c := &conn{Conn: end, server: s, number: 1}
		c.repeats.seen([]byte(one))
		c.repeats.learn(question{ref: ref, form: bare("")})
		ended := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 4<<10))
			ended <- err
		}()
		io.WriteString(client, one)
		head := make([]byte, 15)
		io.ReadFull(client, head) // the answer has begun
		for range closes {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		rest, err := io.ReadAll(client)
		if whole := strings.HasSuffix(string(rest), "abc123"); string(head) != "HTTP/1.1 200 OK" || whole != (closes == 1) {
			t.Errorf("closed %d times: %q and %q, %v", closes, head, rest, err)
		}
		if err := <-ended; err == nil {
			t.Error("it was read on")
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d connections are counted as open", n)
		}
		client.Close()
	}
}
