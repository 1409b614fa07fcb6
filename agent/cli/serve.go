package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/config"
	"github.com/larder-secrets/larder/agent/file"
	"github.com/larder-secrets/larder/agent/server"
)

// shutdownTime is what readers have to finish after a signal.
const shutdownTime = 2 * time.Second

// serve answers requests until ctx ends.
func (p *Program) serve(ctx context.Context, args []string) int {
	ignored, err := p.readFile(args)
	if err != nil {
		return p.fail(usage, err)
	}
	cfg, err := config.Load(p.Getenv, config.Place{Schemes: p.Backends.Schemes()})
	if err != nil {
		return p.fail(usage, err)
	}
	log := cfg.Log.Logger(p.Stderr)
	if len(ignored) > 0 {
		log.Warn("the configuration file has keys that do not apply here: " + strings.Join(ignored, ", "))
	}
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	cache := p.Backends.Cache(cfg, log)
	defer cache.Close()
	var tokenFile string
	newToken := func() (token string, err error) {
		token, tokenFile, err = server.SidecarToken(p.Getenv)
		return token, err
	}
	s, err := server.Listen(server.Config{
		Port: cfg.Port, NewToken: newToken, Cache: cache, Backend: cfg.Backend,
		PathPrefix: cfg.PathPrefix, MaxConnections: cfg.Clients, Log: log,
	})
	if err != nil {
		return p.fail(failed, err)
	}
	p.greet(cfg, tokenFile)

	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	prefetched := make(chan error, 1)
	go func() { prefetched <- cache.Prefetch(ctx) }()
	go cache.Maintain(ctx)
	for {
		select {
		case err := <-prefetched:
			prefetched = nil
			if err != nil && cfg.FailAtInit && ctx.Err() == nil {
				stop(s)
				return p.fail(failed, errors.New("LARDER_ON_INIT_FAILURE=fail: secrets could not be prefetched, see above"))
			}
		case err := <-served:
			if err != nil {
				return p.fail(failed, err)
			}
			return ok
		case <-ctx.Done():
			stop(s)
			<-served
			return ok
		}
	}
}

// readFile reads what --config names. A variable that the environment has counts
// more than the file.
func (p *Program) readFile(args []string) (ignored []string, err error) {
	path := ""
	switch {
	case len(args) == 0:
		return nil, nil
	case len(args) == 2 && args[0] == "--config":
		path = args[1]
	case len(args) == 1 && strings.HasPrefix(args[0], "--config="):
		path = strings.TrimPrefix(args[0], "--config=")
	}
	if path == "" || p.ReadFile == nil {
		return nil, errors.New("serve takes no arguments but --config FILE, the file of AWS's agent")
	}
	variables, ignored, err := p.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for name, value := range variables {
		if p.Getenv(name) == "" {
			if err := p.Setenv(name, value); err != nil {
				return nil, err
			}
		}
	}
	return ignored, nil
}

func stop(s *server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	s.Shutdown(ctx)
}

// greet says what is served, how to ask for it, and what is still to be done.
func (p *Program) greet(cfg *config.Config, tokenFile string) {
	address := fmt.Sprintf("http://127.0.0.1:%d", cfg.Port)
	if cfg.Log.Off || cfg.Log.Level > slog.LevelInfo {
		return
	}
	fmt.Fprintf(p.Stderr, "larder %s serves secrets on %s\n", agent.Version, address)
	header := "$AWS_TOKEN"
	if tokenFile != "" {
		header = "$(cat '" + tokenFile + "')"
	}
	name := "my-api-key"
	if len(cfg.Secrets) > 0 {
		name = cfg.Secrets[0].Scheme + ":" + cfg.Secrets[0].ID
	}
	fmt.Fprintf(p.Stderr, "try: curl -H \"X-Aws-Parameters-Secrets-Token: %s\" '%s/secret?name=%s'\n", header, address, url.QueryEscape(name))
	if _, linked := p.Backends["file"]; !linked || cfg.Backend != "file" {
		return
	}
	path, err := file.Expand(cfg.File)
	if err != nil {
		p.fail(failed, err)
		return
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(p.Stderr, "there is no secrets file yet: create %s with one line such as\n%s\n", path, file.Example)
	} else {
		fmt.Fprintf(p.Stderr, "names without a scheme are read from %s\n", path)
	}
}
