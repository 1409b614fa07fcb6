package main

import "time"

// pastTTL is longer than the default.
const pastTTL = 310 * time.Second

// phase is what is under way when the backend fails.
type phase struct {
	name, title string
	secrets     bool          // LARDER_SECRETS names the secret
	held        bool          // it was fetched, and read, before the fault
	shift       time.Duration // of the clock, between that and the fault
	query       string        // of the read
}

var phases = []phase{
	{name: "prefetch", title: "While the secret is prefetched: the first invocation reads it", secrets: true},
	{name: "refresh", title: "While a held secret, past its TTL, is refreshed: the handler reads it as the refresh begins", secrets: true, held: true, shift: pastTTL},
	{name: "miss", title: "A secret that is not held is read"},
	{name: "refresh=true", title: "A held and fresh secret is read with `refresh=true`", secrets: true, held: true, query: "&refresh=true"},
}

func (p phase) prefetch() bool { return p.secrets && !p.held }

func (p phase) refresh() bool { return p.shift != 0 }
