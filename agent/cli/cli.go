// Package cli is the command line of the sidecar: what runs outside Lambda, on a
// laptop or beside a container. Its backends come from main, which decides what
// is linked.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/client"
	"github.com/larder-secrets/larder/agent/config"
)

// Program is one run of the command.
type Program struct {
	Args           []string // without the program's name
	Getenv         func(string) string
	Stdout, Stderr io.Writer
	Terminal       bool // Stdout is one
	Backends       config.Backends

	// ReadFile reads a configuration file of AWS's agent: it returns the variables
	// that stand for it, and the keys that mean nothing here. nil: there is none.
	ReadFile func(path string) (variables map[string]string, ignored []string, err error)
	Setenv   func(name, value string) error
}

// The statuses a process ends with.
const (
	ok     = 0
	failed = 1
	usage  = 2 // the command line or the configuration is wrong
)

const help = `larder keeps secrets within arm's reach: it fetches them once, keeps them
fresh and serves them on localhost.

Usage:

  larder serve          serve secrets until interrupted
      [--config FILE]   as a configuration file of AWS's open-source agent says
  larder get REF        print a secret that a running larder serves
  larder health         exit 0 if a larder answers
  larder version        print the version
  larder help           print this

A reference is a name, with a scheme where it is not the default backend's, and
with #key for one member of a JSON secret:

  larder get my-api-key
  larder get 'database#password'
  larder get --refresh aws:prod/database

Environment:

  LARDER_FILE      the secrets file (~/.wing/secrets.json): {"my-api-key": "…"}
  LARDER_SECRETS   references to prefetch, as in: my-api-key aws:prod/database
  LARDER_BACKEND   where names without a scheme live: file or aws (file)
  LARDER_PORT      the port on 127.0.0.1 (2773)

The README lists the others.
`

// Run carries out the command and returns the status to exit with.
func (p *Program) Run(ctx context.Context) int {
	command, args := "help", []string(nil)
	if len(p.Args) > 0 {
		command, args = p.Args[0], p.Args[1:]
	}
	if command != "get" && command != "serve" && len(args) > 0 {
		return p.misused(fmt.Sprintf("%s takes no arguments", command))
	}
	switch command {
	case "serve":
		return p.serve(ctx, args)
	case "get":
		return p.get(ctx, args)
	case "health":
		return p.health(ctx)
	case "version", "--version", "-v":
		fmt.Fprintf(p.Stdout, "larder %s (%s, %s/%s)\n", agent.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return ok
	case "help", "--help", "-h":
		io.WriteString(p.Stdout, help)
		if len(p.Args) == 0 {
			return usage
		}
		return ok
	default:
		return p.misused(fmt.Sprintf("there is no command %q", command))
	}
}

// health asks a running agent whether it is there.
func (p *Program) health(ctx context.Context) int {
	c := &client.Client{Getenv: p.Getenv}
	defer c.Close()
	if err := c.Ping(ctx); err != nil {
		return p.fail(failed, err)
	}
	fmt.Fprintln(p.Stdout, "healthy")
	return ok
}

func (p *Program) misused(problem string) int {
	p.fail(usage, errors.New(problem))
	fmt.Fprintln(p.Stderr, "larder: hint: run larder help")
	return usage
}

// fail prints a line for each cause.
func (p *Program) fail(status int, err error) int {
	for _, err := range config.Mistakes(err) {
		fmt.Fprintln(p.Stderr, "larder: error:", err)
	}
	return status
}
