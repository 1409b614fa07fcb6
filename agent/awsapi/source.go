package awsapi

import (
	"context"
	"net/url"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// defaultTimeout is of one Fetch, with its retries.
const defaultTimeout = 10 * time.Second

// Source returns the source of a backend of AWS's. open makes it of the
// configuration, which is loaded for it, and regionOf tells the region that a
// reference's ID names; empty: none.
func Source(c Config, ttl, timeout time.Duration, open func(*API) agent.Backend, regionOf func(id string) string) agent.Source {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return agent.Source{
		Open: func(ctx context.Context) (agent.Backend, error) {
			api, err := Load(ctx, c)
			if err != nil {
				return nil, err
			}
			return open(api), nil
		},
		TTL:     ttl,
		Timeout: timeout,
		Place: func(ref agent.Reference) string {
			query, _ := url.ParseQuery(ref.Query) // what is not one depends on nothing
			return Place{Region: regionOf(ref.ID), Role: query.Get("roleArn")}.String()
		},
	}
}
