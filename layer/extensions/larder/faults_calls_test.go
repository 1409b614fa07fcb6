package main

import (
	"fmt"
	"net/http"
)

// calls are what has reached the backend: requests, or connections that came to
// none.
type calls struct{ single, batch int }

func (c *cell) calls() calls {
	if c.kind.secure {
		made, _ := c.aws.Connections()
		return calls{single: made}
	}
	n := c.aws.Operations()
	return calls{n["GetSecretValue"], n["BatchGetSecretValue"]}
}

func (n calls) less(before calls) calls {
	return calls{n.single - before.single, n.batch - before.batch}
}

func (n calls) String() string {
	if n.batch == 0 {
		return fmt.Sprint(n.single)
	}
	return fmt.Sprintf("%d for the batch, %d", n.batch, n.single)
}

// counted says how many calls a read came to, and whether it may come to more:
// after an outage the back-off, which is random from zero on, may be over by the
// next occasion to ask.
func (c *cell) counted(a answer, all calls) (_ string, more bool) {
	failed := a.Status >= http.StatusInternalServerError || a.Status == http.StatusTooManyRequests
	more = c.kind.attempts > 0 && (c.phase.prefetch() && failed || c.phase.refresh())
	switch {
	case c.front.refused():
		return "none arrives", more
	case more && all.batch == 0 && all.single >= c.kind.attempts && all.single <= 2*c.kind.attempts:
		return fmt.Sprintf("%d to %d", c.kind.attempts, 2*c.kind.attempts), more
	default:
		return all.String(), more
	}
}
