package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// reads measures reads of what is held, over one connection and over many, beside
// nginx with the same bytes in a file, the least that net/http can do, and AWS's
// agent.
func reads(ctx context.Context, s *setup, r *report) error {
	if why := missing("wrk", "nginx"); why != "" {
		s.omit("reads", why)
		return nil
	}
	f, err := s.field(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	rounds, lasting := s.rounds(7), time.Second
	for range rounds {
		for _, one := range f.served {
			if err := s.load(ctx, one.url, 1, lasting, &one.one); err != nil {
				return err
			}
			if err := s.load(ctx, one.url, connections, lasting, &one.many); err != nil {
				return err
			}
		}
	}

	r.printf("\n## Reads\n\nOf what is held, by wrk over one connection and over %d, on the cores on which the servers run: the median of %d rounds of %s each.\n"+
		"In brackets the median ratio to nginx with a file of as many bytes.\n", connections, rounds, lasting)
	rows := [][]string{{"What", "p50", "p99", "p99.9", "reads a second over one", "over many", "p99 over many"}}
	var bars []bar
	for _, one := range f.served {
		against := f.small
		if one.big() {
			against = f.big
		}
		rows = append(rows, []string{
			one.name,
			fmt.Sprintf("%s [%.2f]", duration(one.one.p50.median()), one.one.p50.over(against.one.p50).median()),
			duration(one.one.p99.median()), duration(one.one.p999.median()), fmt.Sprintf("%.0f", one.one.rate.median()),
			fmt.Sprintf("%.0f [%.2f]", one.many.rate.median(), one.many.rate.over(against.many.rate).median()), duration(one.many.p99.median()),
		})
		bars = append(bars, bar{one.name, one.many.rate.median() / 1000, one.ours})
	}
	r.table(rows...)
	r.atMost("a read's p50 over one connection, to nginx's with a file", f.plain.one.p50.over(f.small.one.p50).median(), 1.35)
	r.atLeast("reads a second over 32 connections, to nginx's with a file", f.plain.many.rate.over(f.small.many.rate).median(), .6)
	if f.agent != nil {
		r.atLeast("the same, to AWS's agent's, in its own dialect", f.dialect.many.rate.over(f.agent.many.rate).median(), 1)
		r.obstacle("Of such a read less than half a microsecond is Larder's own (below); the rest is the kernel's, and Go's, which parks a goroutine for each " +
			"connection and tries in vain to read before it does.")
		r.atLeast("the same, with 60 KB", f.bigDialect.many.rate.over(f.bigAgent.many.rate).median(), 1)
	}
	return r.chart("reads", "Reads over 32 connections", "thousands a second", bars)
}

// field is who takes part.
type field struct {
	served []*served

	small, big, plain   *served // nginx, nginx with 60 KB, Larder
	dialect, bigDialect *served // Larder in AWS's extension's
	agent, bigAgent     *served // AWS's; nil: it is not there
	closers             []func()
}

func (f *field) close() {
	for _, c := range f.closers {
		c()
	}
}

func (f *field) add(name, url string, ours bool) *served {
	one := &served{name: name, url: "http://" + url, ours: ours}
	f.served = append(f.served, one)
	return one
}

func (s *served) big() bool { return strings.HasSuffix(s.url, "big") }

func (s *served) address() string {
	address, _, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), "/")
	return address
}

// field starts all of them.
func (s *setup) field(ctx context.Context) (_ *field, err error) {
	f := &field{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	nginx, at, err := s.nginx(ctx)
	if nginx != nil {
		f.closers = append(f.closers, func() { nginx.stop() })
	}
	if err != nil {
		return nil, err
	}
	f.small, f.big = f.add("nginx, a file of 24 bytes", at+"/small", false), f.add("nginx, a file of 60 KB", at+"/big", false)

	program, err := s.build(ctx, "./plain")
	if err != nil {
		return nil, err
	}
	if at, err = freeAddress(); err != nil {
		return nil, err
	}
	bare, err := launch(ctx, []string{"ADDRESS=" + at}, program)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, func() { bare.stop() })
	if err := bare.listens(ctx, at); err != nil {
		return nil, err
	}
	f.add("net/http, a handler that writes 24 bytes", at+"/", false)

	st, err := newStore(roundTrip, false)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, st.close)
	a, err := newAPI(true)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, a.close)
	larder, at, err := s.extension(ctx, a, append(st.env(""), "LARDER_SECRETS=small big json", "LARDER_LOG_LEVEL=error")...)
	if err != nil {
		return nil, err
	}
	f.closers = append(f.closers, func() { larder.stop() })
	f.plain = f.add("Larder, a value of 24 bytes", at+"/secret?name=small", true)
	f.add("Larder, a member of a JSON secret", at+"/secret?name=json&key=password", true)
	f.dialect = f.add("Larder, as AWS's agents answer", at+"/secretsmanager/get?secretId=small", true)
	f.add("Larder, a value of 60 KB", at+"/secret?name=big", true)
	f.bigDialect = f.add("Larder, as AWS's agents answer, 60 KB", at+"/secretsmanager/get?secretId=big", true)

	agent, at, err := s.agent(ctx, st.env(""), []string{"small", "big"})
	if err != nil {
		return nil, err
	}
	if agent != nil {
		f.closers = append(f.closers, func() { agent.stop() })
		f.agent = f.add("AWS's agent", at+"/secretsmanager/get?secretId=small", false)
		f.bigAgent = f.add("AWS's agent, 60 KB", at+"/secretsmanager/get?secretId=big", false)
	}
	return f, nil
}
