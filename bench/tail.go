package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	tailTTL   = time.Second
	ttlEnds   = 10
	tailPause = 2 * time.Millisecond // between a reader's reads
	outage    = 4 * time.Second
)

// paced is a reader that reads at a steady pace and what it got.
type paced struct {
	name, url string
	call      bool // it asks the backend itself

	mu      sync.Mutex // guards all below
	took    []float64  // µs
	failed  int
	newest  string
	changed time.Time // when it first got another value
}

// tails measures the worst reads across the ends of TTLs, a rotation and an
// outage, of readers that read beside each other.
func tails(ctx context.Context, s *setup, r *report) error {
	st, err := newStore(roundTrip, false)
	if err != nil {
		return err
	}
	defer st.close()
	a, err := newAPI(true)
	if err != nil {
		return err
	}
	defer a.close()
	readers := []*paced{{name: "a client that calls the backend itself", url: st.url(), call: true}}
	program, err := s.build(ctx, "./plain")
	if err != nil {
		return err
	}
	at, err := freeAddress()
	if err != nil {
		return err
	}
	naive, err := launch(ctx, []string{"ADDRESS=" + at, "BACKEND=" + st.url(), "TTL=" + tailTTL.String()}, program)
	if err != nil {
		return err
	}
	defer naive.stop()
	if err := naive.listens(ctx, at); err != nil {
		return err
	}
	readers = append(readers, &paced{name: "a cache that refreshes on the reader's path", url: "http://" + at + "/"})
	var larders [2]*paced
	for i, ttl := range []time.Duration{tailTTL, time.Hour} {
		larder, at, err := s.extension(ctx, a, append(st.env(""), "LARDER_SECRETS=small", "LARDER_LOG_LEVEL=error", "LARDER_TTL="+ttl.String())...)
		if err != nil {
			return err
		}
		defer larder.stop()
		larders[i] = &paced{name: "Larder, a TTL of " + strings.TrimSuffix(ttl.String(), "0m0s"), url: "http://" + at + "/secret?name=small"}
	}
	readers = append(readers, larders[:]...)

	phase := func(lasting time.Duration, during func()) {
		ctx, cancel := context.WithTimeout(ctx, lasting)
		defer cancel()
		var all sync.WaitGroup
		for _, p := range readers {
			p.took, p.failed = nil, 0
			all.Go(func() { p.read(ctx) })
		}
		during()
		all.Wait()
	}
	phase(2*tailTTL, func() {}) // all hold what they are to hold
	rows := [][]string{{"Reader", fmt.Sprintf("worst over %d TTL ends", ttlEnds), "p99.9 over them", "worst in a rotation", "the new value after", "worst in an outage", "failed in it"}}
	for _, p := range readers {
		rows = append(rows, []string{p.name})
	}
	note := func(cells func(*paced) []string) {
		for i, p := range readers {
			rows[i+1] = append(rows[i+1], cells(p)...)
		}
	}
	phase(ttlEnds*tailTTL, func() {})
	note(func(p *paced) []string {
		return []string{duration(slices.Max(p.took)), duration(samples(p.took).quantile(.999))}
	})
	across, plain := samples(larders[0].took).quantile(.999), samples(larders[1].took).quantile(.999)
	var rotated time.Time
	phase(3*tailTTL, func() {
		time.Sleep(tailTTL / 2)
		for _, p := range readers {
			p.forget()
		}
		rotated = time.Now()
		st.version.Add(1)
	})
	note(func(p *paced) []string {
		if p.changed.IsZero() {
			return []string{duration(slices.Max(p.took)), "its TTL"}
		}
		return []string{duration(slices.Max(p.took)), duration(microseconds(p.changed.Sub(rotated)))}
	})
	phase(outage, func() { st.down.Store(true) })
	note(func(p *paced) []string {
		return []string{duration(slices.Max(p.took)), fmt.Sprintf("%d of %d", p.failed, len(p.took))}
	})
	r.printf("\n## Tail\n\nFour readers at once, a read each %s, with a store that answers after %s; in the outage of %s it does not answer.\n", tailPause, roundTrip, outage)
	r.table(rows...)
	r.atMost(fmt.Sprintf("p99.9 across %d TTL ends, to the plain p99.9", ttlEnds), across/plain, 2)
	return nil
}

// forget waits for the next value that is another.
func (p *paced) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = time.Time{}
}

// read reads until ctx ends; what takes longer than a while has failed.
func (p *paced) read(ctx context.Context) {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		began := time.Now()
		value, err := p.once(client)
		p.note(time.Since(began), value, err)
		time.Sleep(time.Until(began.Add(tailPause)))
	}
}

func (p *paced) note(took time.Duration, value string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, microseconds(took))
	if err != nil {
		p.failed++
		return
	}
	if value != p.newest {
		if p.newest != "" && p.changed.IsZero() {
			p.changed = time.Now()
		}
		p.newest = value
	}
}

func (p *paced) once(client *http.Client) (string, error) {
	req, err := http.NewRequest(http.MethodGet, p.url, nil)
	if p.call {
		req, err = http.NewRequest(http.MethodPost, p.url, bytes.NewReader([]byte(`{"SecretId":"small"}`)))
	}
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	if p.call {
		req.Header.Set("X-Amz-Target", "secretsmanager.GetSecretValue")
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(body), err
}
