package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/larder-secrets/larder/agent"
	"github.com/larder-secrets/larder/agent/config"
	"github.com/larder-secrets/larder/agent/server"
	"github.com/larder-secrets/larder/extension"
)

const (
	// refreshMargin is left of an invocation when a refresh is given up: the
	// function's timeout covers extensions too.
	refreshMargin = 200 * time.Millisecond

	// readMargin is left when a read that waits is given up, for the function to
	// say so.
	readMargin = 100 * time.Millisecond
)

// prefetchFailed is the reason for which LARDER_ON_INIT_FAILURE=fail ends INIT.
const prefetchFailed = "PrefetchFailed"

// larder ties the agent to the phases of an extension's life.
type larder struct {
	getenv func(string) string
	out    io.Writer
	stop   context.CancelFunc // ends the extension's life

	config *config.Config
	log    *slog.Logger
	cache  *agent.Cache
	server *server.Server

	invoked bool // an invocation has begun: what INIT did lies behind
}

func (l *larder) hooks() extension.Hooks {
	return extension.Hooks{Start: l.start, Init: l.init, Invoke: l.invoke, Shutdown: l.shutdown}
}

// start makes everything ready for requests: the runtime, whose first line may
// read a secret, is started only after it.
func (l *larder) start(context.Context) error {
	cfg, err := config.Load(l.getenv, config.Place{Lambda: true, Schemes: backends.Schemes()})
	l.config, l.log = cfg, cfg.Log.Logger(l.out)
	if err != nil {
		return &extension.Error{Reason: "ConfigInvalid", Err: err}
	}
	for _, warning := range cfg.Warnings {
		l.log.Warn(warning)
	}
	token, err := server.LambdaToken(l.getenv)
	if err != nil {
		return &extension.Error{Reason: "TokenMissing", Err: err}
	}
	if token == "" {
		l.log.Info("SAM local gives no session token: requests are answered without one")
	}
	l.cache = backends.Cache(cfg, l.log)
	l.server, err = server.Listen(server.Config{
		Port: cfg.Port, Token: token, Cache: l.cache, Backend: cfg.Backend,
		PathPrefix: cfg.PathPrefix, MaxConnections: cfg.Clients, Log: l.log,
	})
	if err != nil {
		return &extension.Error{Reason: "PortUnavailable", Err: err}
	}
	go l.serve()
	return nil
}

// serve answers requests until shutdown stops the server.
func (l *larder) serve() {
	if err := l.server.Serve(); err != nil {
		l.log.Error("requests are no longer answered: " + err.Error())
	}
}

// init prefetches, for as long as INIT may be held up; what is missing then goes
// on arriving.
func (l *larder) init(ctx context.Context, f *extension.Function) error {
	go l.awaitSignal()
	if l.config.SnapStart && !l.config.SnapStartPrefetch {
		return nil // what is fetched now would be in every copy
	}
	if !slices.Contains(f.Events, extension.Invoke) {
		defer serveAlone()
		go l.cache.Maintain(ctx) // until shutdown closes the cache
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.InitTimeout)
	defer cancel()
	err := l.cache.Prefetch(ctx)
	if errors.Is(err, context.DeadlineExceeded) && l.config.InitTimeout > 0 {
		l.log.Warn(fmt.Sprintf("the prefetch has not ended within LARDER_INIT_TIMEOUT (%s)", l.config.InitTimeout))
	}
	if err != nil && l.config.FailAtInit {
		return &extension.Error{Reason: prefetchFailed, Err: err}
	}
	return nil // each failure has been logged, and is told to whoever reads the secret
}

// serveAlone leaves reads to one processor where there are two, as in functions
// of up to 3,008 MB. The handshakes of a prefetch go faster on both; but to wake
// the second takes longer than a read, and from the function (bench/report.md).
// This takes 0.2 ms, and so has no place in INIT.
func serveAlone() {
	if runtime.NumCPU() == 2 {
		runtime.GOMAXPROCS(1)
	}
}

// awaitSignal ends the extension's life on a signal. It is not begun before
// Register, to whose time it would add a tenth (bench/report.md): until then a
// signal ends the process at once.
func (l *larder) awaitSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	<-signals
	signal.Stop(signals) // so that a second one does
	l.stop()
}

// invoke refreshes what is due, beside the handler.
func (l *larder) invoke(ctx context.Context, e extension.Event) {
	first := !l.invoked
	l.invoked = true
	if first {
		serveAlone()
	}
	l.cache.SetDeadline(e.Deadline().Add(-readMargin))
	budget := min(l.config.RefreshTimeout, time.Until(e.Deadline())-refreshMargin)
	ctx, cancel := context.WithTimeout(ctx, budget) // which ends at once where there is none
	defer cancel()
	if first && l.config.SnapStart {
		l.cache.Drop() // whatever came along is as old as the snapshot
		l.cache.Prefetch(ctx)
		return
	}
	l.cache.Refresh(ctx)
}

// shutdown ends what start has begun, as far as it came. Readers have half of the
// time to get their values; then the backend calls are cancelled, so that those
// who still wait are told and not cut off.
func (l *larder) shutdown(ctx context.Context) {
	if l.cache == nil {
		return
	}
	defer l.cache.Close()
	if l.server == nil {
		return
	}
	if deadline, ok := ctx.Deadline(); ok {
		defer time.AfterFunc(time.Until(deadline)/2, l.cache.Close).Stop()
	}
	l.server.Shutdown(ctx)
}

// complain writes what ended the process, a line for each cause.
func (l *larder) complain(err error) {
	log := l.log
	if log == nil {
		log = config.Log{}.Logger(l.out)
	}
	var named *extension.Error
	if errors.As(err, &named) {
		err = named.Err
	}
	for _, cause := range config.Mistakes(err) {
		if named != nil && named.Reason == prefetchFailed && !errors.Is(cause, context.DeadlineExceeded) {
			continue // it has been logged when it came
		}
		log.Error(cause.Error())
	}
	if named != nil && named.Reason == prefetchFailed {
		log.Error("LARDER_ON_INIT_FAILURE=fail: INIT ends because of the secrets above")
	}
}
