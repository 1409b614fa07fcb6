// Package parameterstore is the backend of AWS Systems Manager Parameter Store.
//
// Several parameters are asked for ten at a time (GetParameters), since all
// calls share 40 a second by default (AWS Systems Manager quotas); one is asked
// for alone (GetParameter), which is the permission that users of AWS's extension
// have given. Values are decrypted, unless withDecryption=false is asked for.
//
// It links the last release of the service's package before those that build a
// table of all the service's shapes as the program starts: 1.79.3 adds 0.1 ms and
// 65 KB to a program that links Secrets Manager's, 1.80.0 adds 2.6 ms and 900 KB
// (package initialisation by GODEBUG=inittrace=1, stripped binaries).
package parameterstore

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
)

// Config says how Parameter Store is called.
type Config struct {
	AWS            awsapi.Config
	TTL            time.Duration
	Timeout        time.Duration // of one Fetch, with its retries; 0: 10 s
	MaxConnections int
}

// Source returns the source of scheme ssm.
func Source(c Config) agent.Source {
	c.AWS.MaxConnections = c.MaxConnections
	open := func(api *awsapi.API) agent.Backend { return newBackend(api, c) }
	return awsapi.Source(c.AWS, c.TTL, c.Timeout, open, func(id string) string { region, _ := regionOf(id); return region })
}

type backend struct {
	*awsapi.API
	clients *awsapi.Clients[sdk.Client]
	calls   *awsapi.Calls
	log     *slog.Logger

	alone atomic.Bool // the role may not ask for several at once
}

func newBackend(api *awsapi.API, c Config) *backend {
	return &backend{
		API:     api,
		calls:   awsapi.NewCalls(c.MaxConnections, c.AWS.Log),
		log:     c.AWS.Log,
		clients: awsapi.NewClients(api, func(c aws.Config) *sdk.Client { return sdk.NewFromConfig(c) }),
	}
}

// Fetch implements [agent.Backend].
func (b *backend) Fetch(ctx context.Context, refs []agent.Reference, deliver func(int, agent.Result)) {
	var questions []*question
	for i, ref := range refs {
		q, err := b.question(ref)
		if err != nil {
			deliver(i, agent.Result{Err: err})
			continue
		}
		q.deliver = func(r agent.Result) { deliver(i, r) }
		questions = append(questions, q)
	}
	round := b.calls.Round()
	for _, group := range b.groups(questions) {
		if len(group) == 1 {
			b.each(ctx, round, group)
			continue
		}
		round.Go(ctx, group[0].at, func() error { return b.batch(ctx, round, group) }, func(err error) { failAll(group, err) })
	}
	round.Wait()
}

// each asks for parameters one by one, side by side.
func (b *backend) each(ctx context.Context, round *awsapi.Round, questions []*question) {
	for _, q := range questions {
		round.Go(ctx, q.at, func() error { return b.single(ctx, q) }, q.fail)
	}
}

func failAll(questions []*question, err error) {
	for _, q := range questions {
		q.fail(err)
	}
}
