// Command larder is the Lambda extension: Lambda starts it from
// /opt/extensions/larder beside the function. It prefetches the configured
// secrets while the function initialises, keeps them fresh, and serves them on
// localhost. The sidecar for other places is the module's own main.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/awsapi"
	"github.com/larder-secrets/larder/agent/config"
	"github.com/larder-secrets/larder/agent/file"
	"github.com/larder-secrets/larder/agent/harden"
	"github.com/larder-secrets/larder/agent/parameterstore"
	"github.com/larder-secrets/larder/agent/secretsmanager"
	"github.com/larder-secrets/larder/extension"
)

// backends are what this binary links. Each package more is paid for at every
// cold start.
var backends = config.Backends{
	"aws": func(c *config.Config, log *slog.Logger) agent.Source {
		return secretsmanager.Source(secretsmanager.Config{
			AWS:            awsConfig(c, log),
			BatchAbove:     c.Batch.Above(),
			TTL:            c.TTL,
			Timeout:        c.Timeout,
			MaxConnections: c.MaxConnections,
		})
	},
	"ssm": func(c *config.Config, log *slog.Logger) agent.Source {
		return parameterstore.Source(parameterstore.Config{
			AWS:            awsConfig(c, log),
			TTL:            c.ParameterTTL,
			Timeout:        c.ParameterTimeout,
			MaxConnections: c.MaxConnections,
		})
	},
	"file": func(c *config.Config, _ *slog.Logger) agent.Source { return file.Source(c.File) },
}

func awsConfig(c *config.Config, log *slog.Logger) awsapi.Config {
	return awsapi.Config{Getenv: os.Getenv, Base: awsapi.Environment, Lambda: true, AllowPlainHTTP: c.AllowPlainHTTP, Roles: c.AllowedRoles(), Log: log}
}

func main() {
	harden.Process()
	address := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if address == "" {
		fmt.Fprintln(os.Stderr, "larder: error: AWS_LAMBDA_RUNTIME_API is not set: this is the Lambda extension; outside Lambda run `larder serve`")
		os.Exit(2)
	}
	ctx, stop := context.WithCancel(context.Background())
	// Lambda knows an extension by its file's name, whatever a link leads to.
	client := extension.NewClient(address, filepath.Base(os.Args[0]))
	l := &larder{getenv: os.Getenv, out: os.Stderr, stop: stop}
	if err := extension.Run(ctx, client, l.hooks()); err != nil {
		l.complain(err)
		os.Exit(1)
	}
}
