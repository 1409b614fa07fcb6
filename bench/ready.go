package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// roundTrip is what a call to the store takes.
const roundTrip = 20 * time.Millisecond

// names are those of n secrets.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("s%03d", i)
	}
	return all
}

// readiness measures how long a start takes until the last of n secrets is held,
// which is when Larder asks for its first event.
func readiness(ctx context.Context, s *setup, r *report) error {
	a, err := newAPI(false)
	if err != nil {
		return err
	}
	defer a.close()
	stores := map[bool]*store{}
	var ca string
	for _, secure := range []bool{false, true} {
		if stores[secure], err = newStore(roundTrip, secure); err != nil {
			return err
		}
		defer stores[secure].close()
		if ca, err = s.file("ca.pem", string(stores[secure].ca)); err != nil {
			return err
		}
	}
	type key struct {
		n      int
		secure bool
	}
	took := map[key]samples{}
	calls, connections := map[key]int{}, map[key]int{}
	counts := []int{1, 5, 10, 20, 50, 100, 500}
	rounds := s.rounds(15)
	for range rounds {
		for _, n := range counts {
			for _, secure := range []bool{false, true} {
				k, st := key{n, secure}, stores[secure]
				st.forget()
				p, _, err := s.extension(ctx, a, append(st.env(ca), "LARDER_SECRETS="+strings.Join(names(n), ","), "LARDER_LOG_LEVEL=error")...)
				if err != nil {
					return err
				}
				took[k] = append(took[k], milliseconds(time.Since(p.began)))
				p.kill()
				_, calls[k], connections[k] = st.counted()
			}
		}
	}
	r.printf("\n## Ready\n\nFrom exec until the last of the secrets is held, with a store that answers after %s: the median of %d starts, and in round trips to the store.\n"+
		"What it takes beside them is the process's own start, and in the last column the handshakes.\n", roundTrip, rounds)
	rows := [][]string{{"Secrets", "ready", "in round trips", "calls", "connections", "ready, over TLS"}}
	for _, n := range counts {
		plain, secure := key{n, false}, key{n, true}
		rows = append(rows, []string{
			fmt.Sprint(n), fmt.Sprintf("%.1f ms", took[plain].median()), fmt.Sprintf("%.2f", took[plain].median()/milliseconds(roundTrip)),
			fmt.Sprint(calls[plain]), fmt.Sprint(connections[plain]), fmt.Sprintf("%.1f ms", took[secure].median()),
		})
	}
	r.table(rows...)
	slowest := 0.0
	for _, n := range []int{1, 5, 10, 20} {
		slowest = max(slowest, took[key{n, false}].median())
	}
	r.atMost("ready with up to 20 secrets, in ms: 1.5 round trips and 8 ms", slowest, 1.5*milliseconds(roundTrip)+8)
	r.atMost("ready with 500 secrets, in ms: 3 round trips and 8 ms", took[key{500, false}].median(), 3*milliseconds(roundTrip)+8)
	return nil
}
