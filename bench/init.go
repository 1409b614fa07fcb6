package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/larder-secrets/larder/extension/lambdatest"
)

// inits measures how long INIT takes on the local Lambda, with a function that
// does nothing, and with extensions beside it.
func inits(ctx context.Context, s *setup, r *report) error {
	function, err := s.build(ctx, "./function")
	if err != nil {
		return err
	}
	empty, err := s.build(ctx, "./empty")
	if err != nil {
		return err
	}
	st, err := newStore(roundTrip, true)
	if err != nil {
		return err
	}
	defer st.close()
	ca, err := s.file("ca.pem", string(st.ca))
	if err != nil {
		return err
	}
	type kind struct {
		name, extension string
		secrets         int
		took            samples
	}
	kinds := []*kind{{name: "none"}, {name: "an empty one in Go", extension: empty}}
	for _, n := range []int{1, 10, 50, 500} {
		kinds = append(kinds, &kind{name: fmt.Sprintf("Larder, secrets: %d", n), extension: s.larder, secrets: n})
	}
	rounds := s.rounds(20)
	for round := range rounds + 1 {
		for _, k := range kinds {
			config := lambdatest.Config{Function: []string{function}, Env: map[string]string{}}
			if k.extension != "" {
				config.Extensions = []string{k.extension}
			}
			if k.secrets > 0 {
				for _, pair := range st.env(ca) {
					name, value, _ := strings.Cut(pair, "=")
					config.Env[name] = value
				}
				address, err := freeAddress()
				if err != nil {
					return err
				}
				config.Env["LARDER_PORT"], config.Env["LARDER_LOG_LEVEL"] = port(address), "error"
				config.Env["LARDER_SECRETS"] = strings.Join(names(k.secrets), ",")
			}
			took, err := initialise(ctx, config)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			if round > 0 {
				k.took = append(k.took, took)
			}
		}
	}
	r.printf("\n## INIT\n\nOn the local Lambda, with a function that does nothing and a store that answers after %s, over TLS: the median of %d.\n"+
		"Lambda starts the runtime when the extensions have registered, and a handler is called when they ask for their first event.\n", roundTrip, rounds)
	rows := [][]string{{"Extension", "INIT", "more than without"}}
	var bars []bar
	for _, k := range kinds {
		rows = append(rows, []string{k.name, fmt.Sprintf("%.1f ms (%.1f)", k.took.median(), k.took.quantile(.9)), fmt.Sprintf("%.1f ms", k.took.median()-kinds[0].took.median())})
		bars = append(bars, bar{k.name, k.took.median(), k.secrets > 0})
	}
	r.table(rows...)
	return r.chart("init", "INIT, with a store at 20 ms over TLS", "ms", bars)
}

// initialise runs INIT and returns its milliseconds.
func initialise(ctx context.Context, config lambdatest.Config) (float64, error) {
	config.Output = nil
	lambda, err := lambdatest.New(config)
	if err != nil {
		return 0, err
	}
	defer lambda.Close()
	result, err := lambda.Init(ctx)
	if err != nil {
		for _, p := range lambda.Processes() {
			fmt.Fprint(os.Stderr, p.Output)
		}
		return 0, err
	}
	return milliseconds(result.Duration), nil
}
