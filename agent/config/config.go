// Package config reads the environment, which is all that a Lambda function
// packed as a zip can set, into a [Config]. Every variable is one row of one
// table ([Variables]); every mistake is reported, all of them together.
//
//	cfg, err := config.Load(os.Getenv, config.Place{Lambda: true, Schemes: []string{"aws", "file"}})
//
// It reads no file and asks no service.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// Place says what the variables cannot: where the agent runs and what its
// program links.
type Place struct {
	Lambda  bool
	Schemes []string // of the backends
}

// Config is what the variables say.
type Config struct {
	Secrets []agent.Spec
	Backend string // the scheme of references that name none
	File    string // of the file backend
	Roles   []string

	Port           int
	PathPrefix     string // of secrets by name in the path, as AWS's agent has them
	Clients        int    // connections at most
	MaxConnections int    // to a backend, for each of its clients
	ListedOnly     bool

	Cache        bool          // false: every read asks the backend
	TTL          time.Duration // of secrets; 0: every read asks the backend
	ParameterTTL time.Duration // of parameters of Parameter Store
	MaxStale     time.Duration
	CacheSize    int
	CacheBytes   int64

	SnapStart         bool // memory is copied into many environments once INIT has ended
	SnapStartPrefetch bool // prefetch into those copies

	InitTimeout    time.Duration
	RefreshTimeout time.Duration
	RefreshWait    time.Duration
	FailAtInit     bool
	Batch          Batch

	Timeout          time.Duration // of one call to Secrets Manager, retries and all; 0: its own
	ParameterTimeout time.Duration // of one to Parameter Store

	AllowPlainHTTP bool // endpoints that are not on this machine may be http://

	Log      Log
	Warnings []string // of settings that count as others
}

// AllowedRoles returns the roles that may be assumed: those that LARDER_ROLES
// lists, and those of configured secrets.
func (c *Config) AllowedRoles() []string {
	roles := slices.Clone(c.Roles)
	for _, spec := range c.Secrets {
		if query, err := url.ParseQuery(spec.Query); err == nil && query.Has("roleArn") {
			roles = append(roles, query.Get("roleArn"))
		}
	}
	return roles
}

// Batch says when several secrets are asked for in one call.
type Batch string

const (
	BatchAuto Batch = "auto" // above ten
	BatchOn   Batch = "on"   // always
	BatchOff  Batch = "off"  // never
)

// Above is the number of secrets above which they are asked for in batches; it
// is negative for never. One secret is no batch.
func (b Batch) Above() int { return map[Batch]int{BatchAuto: 10, BatchOn: 1, BatchOff: -1}[b] }

// Log says what is logged and how.
type Log struct {
	Level slog.Level
	Off   bool
	JSON  bool
}

// Backends are what a program links, by scheme: each makes a source from the
// configuration.
type Backends map[string]func(c *Config, log *slog.Logger) agent.Source

// Schemes returns the schemes in order.
func (b Backends) Schemes() []string {
	var schemes []string
	for scheme := range b {
		schemes = append(schemes, scheme)
	}
	slices.Sort(schemes)
	return schemes
}

// Sources makes the sources that requests may reach: the default backend, with
// AWS's Secrets Manager its Parameter Store, which AWS's extension serves both,
// and those that the configured secrets name. What is not configured cannot be
// reached by a request.
func (b Backends) Sources(c *Config, log *slog.Logger) map[string]agent.Source {
	schemes := []string{c.Backend}
	if c.Backend == "aws" {
		schemes = append(schemes, "ssm")
	}
	for _, spec := range c.Secrets {
		schemes = append(schemes, spec.Scheme)
	}
	sources := map[string]agent.Source{}
	for _, scheme := range schemes {
		if open := b[scheme]; open != nil && sources[scheme].Open == nil {
			sources[scheme] = open(c, log)
		}
	}
	return sources
}

// Cache makes the cache that the configuration asks for, over the sources of b.
func (b Backends) Cache(c *Config, log *slog.Logger) *agent.Cache {
	return agent.New(agent.Config{
		Sources:     b.Sources(c, log),
		Secrets:     c.Secrets,
		Listed:      c.ListedOnly,
		MaxStale:    c.MaxStale,
		RefreshWait: c.RefreshWait,
		Entries:     c.CacheSize,
		Bytes:       c.CacheBytes,
		Snapshot:    c.SnapStart,
		Transient:   c.SnapStart && !c.SnapStartPrefetch,
		Log:         log,
	})
}

// Load reads every variable of the table through getenv. The error joins one
// [*Error] for each mistake.
func Load(getenv func(string) string, place Place) (*Config, error) {
	c := &Config{}
	var mistakes []error
	for _, v := range Variables() {
		text, name := getenv(v.Name), v.Name
		if strings.TrimSpace(text) == "" {
			text = v.Default
			if place.Lambda && v.LambdaDefault != "" {
				text = v.LambdaDefault
			}
		}
		if text == "" {
			continue
		}
		err := v.set(c, strings.TrimSpace(text), place)
		var clamped *clampedError
		if errors.As(err, &clamped) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: %s counts as %d: set LARDER_TTL for more", name, strings.TrimSpace(text), clamped.to))
		} else if err != nil {
			mistakes = append(mistakes, mistake(name, err))
		}
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = defaultBytes(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	}
	if !c.Cache || c.CacheSize == 0 {
		c.Cache, c.TTL, c.ParameterTTL, c.MaxStale = false, 0, 0, 0
	}
	if c.Cache && len(c.Secrets) > c.CacheSize {
		mistakes = append(mistakes, &Error{
			Variable: "LARDER_SECRETS",
			Problem:  fmt.Sprintf("names %d secrets, and the cache holds %d", len(c.Secrets), c.CacheSize),
			Hint:     "raise LARDER_CACHE_SIZE: configured secrets are never dropped",
		})
	}
	if c.FailAtInit && c.InitTimeout == 0 {
		mistakes = append(mistakes, &Error{
			Variable: "LARDER_INIT_TIMEOUT", Problem: "with 0 no prefetch is waited for, so that LARDER_ON_INIT_FAILURE=fail would always fail",
			Hint: "give the prefetch some time, such as 2s",
		})
	}
	return c, errors.Join(mistakes...)
}

// Error is one mistake in one variable.
type Error struct{ Variable, Problem, Hint string }

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Variable + ": " + e.Problem
	}
	return e.Variable + ": " + e.Problem + ": " + e.Hint
}

// Mistakes returns the errors that err joins, each one line.
func Mistakes(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, Mistakes(err)...)
	}
	return all
}

// mistake names the variable in each error that a row's parser returned.
func mistake(name string, err error) error {
	var named []error
	for _, err := range Mistakes(err) {
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Problem: err.Error()}
		}
		named = append(named, &Error{Variable: name, Problem: e.Problem, Hint: e.Hint})
	}
	return errors.Join(named...)
}
