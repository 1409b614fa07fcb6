// Command larder serves secrets on localhost outside Lambda: on a laptop, or as
// a sidecar beside a container. The Lambda extension is layer/extensions/larder.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/agentfile"
	"github.com/larder-secrets/larder/agent/awsapi"
	"github.com/larder-secrets/larder/agent/awsapi/sdkconfig"
	"github.com/larder-secrets/larder/agent/cli"
	"github.com/larder-secrets/larder/agent/config"
	"github.com/larder-secrets/larder/agent/file"
	"github.com/larder-secrets/larder/agent/harden"
	"github.com/larder-secrets/larder/agent/parameterstore"
	"github.com/larder-secrets/larder/agent/secretsmanager"
)

// backends are what this binary links.
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
	return awsapi.Config{Getenv: os.Getenv, Base: sdkconfig.Load, AllowPlainHTTP: c.AllowPlainHTTP, Roles: c.AllowedRoles(), Log: log}
}

func main() {
	harden.Process()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	program := cli.Program{
		Args:     os.Args[1:],
		Getenv:   os.Getenv,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Terminal: isTerminal(os.Stdout),
		Backends: backends,
		ReadFile: agentfile.Read,
		Setenv:   os.Setenv,
	}
	status := program.Run(ctx)
	stop()
	os.Exit(status)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
