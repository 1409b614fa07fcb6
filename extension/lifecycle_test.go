package extension_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/extension"
)

// recorder notes hooks and calls in their order.
type recorder struct {
	mu    sync.Mutex // guards steps
	steps []string
}

func (r *recorder) note(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, step)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.steps, ", ")
}

// hooks note that they run; a says how many calls had been made before.
func (r *recorder) hooks(a *api) extension.Hooks {
	at := func(step string) { r.note(fmt.Sprintf("%s@%d", step, len(a.requests()))) }
	return extension.Hooks{
		Start:    func(context.Context) error { at("start"); return nil },
		Init:     func(_ context.Context, f *extension.Function) error { at("init " + f.Name); return nil },
		Invoke:   func(_ context.Context, e extension.Event) { at("invoke " + e.RequestID) },
		Shutdown: func(context.Context) { at("shutdown") },
	}
}

const shutdownEvent = `{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":99999999999999}`

func TestLife(t *testing.T) {
	a := startAPI(t)
	a.events <- `{"eventType":"INVOKE","requestId":"1"}`
	a.events <- `{"eventType":"SOMETHING-NEW"}`
	a.events <- `{"eventType":"INVOKE","requestId":"2"}`
	a.events <- shutdownEvent
	var r recorder
	if err := extension.Run(t.Context(), a.client(t), r.hooks(a)); err != nil {
		t.Error(err)
	}
	if got := r.String(); got != "start@0, init f@1, invoke 1@2, invoke 2@4, shutdown@5" {
		t.Errorf("hooks: %s", got)
	}
	if got := a.calls(); got != "POST /register, GET /event/next, GET /event/next, GET /event/next, GET /event/next" {
		t.Errorf("calls: %s", got)
	}
}

func TestLifeWithoutHooks(t *testing.T) {
	a := startAPI(t)
	a.events <- `{"eventType":"INVOKE"}`
	a.events <- shutdownEvent
	if err := extension.Run(t.Context(), a.client(t), extension.Hooks{}); err != nil {
		t.Error(err)
	}
}

func TestInvokeIsRefusedToManagedInstances(t *testing.T) {
	a := startAPI(t)
	a.on("/register", refusal(403, "Extension.InvalidEventType"))
	a.events <- shutdownEvent
	var r recorder
	if err := extension.Run(t.Context(), a.client(t), r.hooks(a)); err != nil {
		t.Error(err)
	}
	requests := a.requests()
	if len(requests) != 3 || fmt.Sprint(requests[0].body, requests[1].body) != "map[events:[INVOKE SHUTDOWN]] map[events:[SHUTDOWN]]" {
		t.Errorf("calls: %s", a.calls())
	}
	if got := r.String(); got != "start@0, init f@2, shutdown@3" {
		t.Errorf("hooks: %s", got)
	}
}

func TestFailures(t *testing.T) {
	broken := &extension.Error{Reason: "ConfigInvalid", Err: errors.New("LARDER_PORT: no")}
	plain := errors.New("plain")
	tests := []struct {
		name   string
		change func(a *api, h *extension.Hooks)
		is     error
		says   string
		calls  string
		kind   string // that Lambda is told
		stops  bool
	}{
		{
			"Start", func(_ *api, h *extension.Hooks) { h.Start = func(context.Context) error { return broken } },
			broken, "LARDER_PORT: no", "POST /register, POST /init/error", "Extension.ConfigInvalid", true,
		},
		{
			"Start, for another reason", func(_ *api, h *extension.Hooks) { h.Start = func(context.Context) error { return plain } },
			plain, "plain", "POST /register, POST /init/error", "Extension.Failed", true,
		},
		{"Init", func(_ *api, h *extension.Hooks) {
			h.Init = func(context.Context, *extension.Function) error { return fmt.Errorf("more: %w", broken) }
		}, broken, "more: LARDER_PORT: no", "POST /register, POST /init/error", "Extension.ConfigInvalid", true},
		{
			"Register", func(a *api, _ *extension.Hooks) { a.on("/register", refusal(400, "Extension.X")) },
			nil, "refused /register: status 400, Extension.X", "POST /register", "", true,
		},
		{"Register twice", func(a *api, _ *extension.Hooks) {
			a.on("/register", refusal(403, "Extension.X"))
			a.on("/register", refusal(403, "Extension.Y"))
		}, nil, "Extension.Y", "POST /register, POST /register", "", true},
		{"Start and Register", func(a *api, h *extension.Hooks) {
			h.Start = func(context.Context) error { return broken }
			a.on("/register", refusal(500, "X"))
		}, broken, "status 500", "POST /register", "", true},
		{
			"Next", func(a *api, _ *extension.Hooks) { a.on("/event/next", refusal(500, "Extension.X")) },
			nil, "refused /event/next: status 500", "POST /register, GET /event/next, POST /exit/error", "Extension.NextFailed", true,
		},
		{
			"Next, with what is not JSON", func(a *api, _ *extension.Hooks) { a.events <- "<html>" },
			nil, "not JSON", "POST /register, GET /event/next, POST /exit/error", "Extension.NextFailed", true,
		},
		{"Init and its report", func(a *api, h *extension.Hooks) {
			h.Init = func(context.Context, *extension.Function) error { return broken }
			a.on("/init/error", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, broken, "LARDER_PORT: no", "POST /register, POST /init/error", "Extension.ConfigInvalid", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := startAPI(t)
			var r recorder
			hooks := r.hooks(a)
			test.change(a, &hooks)
			err := extension.Run(t.Context(), a.client(t), hooks)
			if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("Run: %v, want an error that says %q", err, test.says)
			}
			if got := a.calls(); got != test.calls {
				t.Errorf("calls: %s, want %s", got, test.calls)
			}
			requests := a.requests()
			if last := requests[len(requests)-1]; last.header.Get("Lambda-Extension-Function-Error-Type") != test.kind {
				t.Errorf("Lambda is told %q, want %q", last.header.Get("Lambda-Extension-Function-Error-Type"), test.kind)
			}
			if stopped := strings.Contains(r.String(), "shutdown"); stopped != test.stops || strings.Count(r.String(), "shutdown") > 1 {
				t.Errorf("hooks: %s", &r)
			}
		})
	}
}

func TestSignal(t *testing.T) {
	for _, when := range []string{"start", "init", "next", "invoke"} {
		t.Run("in "+when, func(t *testing.T) {
			a := startAPI(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var r recorder
			hooks := r.hooks(a)
			end := func(step string) {
				if step == when {
					cancel()
				}
			}
			hooks.Start = func(ctx context.Context) error { end("start"); return ctx.Err() }
			hooks.Init = func(ctx context.Context, _ *extension.Function) error { end("init"); return ctx.Err() }
			hooks.Invoke = func(context.Context, extension.Event) { end("invoke") }
			shutdown := hooks.Shutdown
			hooks.Shutdown = func(ctx context.Context) {
				if left := time.Until(deadline(ctx)); ctx.Err() != nil || left <= 0 || left > 2*time.Second {
					t.Errorf("Shutdown has %v, %v", left, ctx.Err())
				}
				shutdown(ctx)
			}
			if when == "next" {
				a.on("/event/next", func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
			}
			a.events <- `{"eventType":"INVOKE"}`
			if err := extension.Run(ctx, a.client(t), hooks); err != nil {
				t.Errorf("Run: %v, want a clean end", err)
			}
			if n := strings.Count(r.String(), "shutdown"); n != 1 {
				t.Errorf("Shutdown ran %d times", n)
			}
			if strings.Contains(a.calls(), "error") {
				t.Errorf("calls: %s", a.calls())
			}
		})
	}
}

func TestShutdownDeadline(t *testing.T) {
	a := startAPI(t)
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	a.events <- fmt.Sprintf(`{"eventType":"SHUTDOWN","deadlineMs":%d}`, end.UnixMilli())
	var got time.Time
	if err := extension.Run(t.Context(), a.client(t), extension.Hooks{Shutdown: func(ctx context.Context) { got = deadline(ctx) }}); err != nil {
		t.Error(err)
	}
	if before := end.Sub(got); before != 100*time.Millisecond {
		t.Errorf("Shutdown ends %v before Lambda kills the process, want 100 ms", before)
	}
}

func deadline(ctx context.Context) time.Time {
	at, _ := ctx.Deadline()
	return at
}
