package server

import (
	"net"
	"net/http"
	"sync"
)

// listener counts connections, and closes at once those past the most.
type listener struct {
	net.Listener
	server *Server
}

func (l *listener) Accept() (net.Conn, error) {
	most := int64(l.server.config.MaxConnections + spareConnections)
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		number := l.server.open.Add(1)
		if number > most {
			l.server.open.Add(-1)
			c.Close()
			continue
		}
		return &conn{Conn: c, server: l.server, number: number}, nil
	}
}

// connection is the key of a request's *conn in its context.
type connection struct{}

func connOf(r *http.Request) *conn { return r.Context().Value(connection{}).(*conn) }

// conn is a connection under net/http, which reads requests from it and writes
// answers to it. Of the requests it hands on none that repeats an earlier one and
// is answered from memory: see [repeats].
type conn struct {
	net.Conn
	server *Server
	number int64 // how many connections there were when it came, itself included

	repeats repeats

	mu        sync.Mutex // guards all below
	answering bool       // a repeat
	closing   bool
	closed    bool
}

// Read returns what is to be read but for repeats.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 1 { // net/http notices, beside a handler, whether the client is still there
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.repeats.mixed.Store(true)
		}
		return n, err
	}
	for {
		n, err := c.Conn.Read(p)
		if err != nil {
			return n, err
		}
		q := c.repeats.seen(p[:n])
		if q == nil {
			return n, nil
		}
		if !c.begin() {
			return 0, net.ErrClosed
		}
		answered, err := c.answer(q)
		c.end()
		if err != nil {
			return 0, err
		}
		if !answered {
			return n, nil
		}
	}
}

// begin reports whether an answer may begin, which Close then leaves to its end.
func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answering = !c.closed
	return c.answering
}

func (c *conn) end() {
	c.mu.Lock()
	c.answering = false
	closing := c.closing
	c.mu.Unlock()
	if closing {
		c.Close()
	}
}

// Close closes the connection: net/http takes one on which a repeat is being
// answered for idle. The second call does so at once.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.answering && !c.closing {
		c.closing = true
		c.mu.Unlock()
		return nil
	}
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if first {
		c.server.open.Add(-1)
	}
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer to a request that it has not read to
// its end, which closing alone would turn into a reset.
func (c *conn) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}
