package lambdatest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"
)

func TestManagedInstances(t *testing.T) {
	t.Parallel()
	l := start(t, Config{ManagedInstances: true, Concurrency: 64}, scripts{"alpha": `again=["SHUTDOWN"]`, "function": ""})
	mustInit(t, l)

	// Nobody leaves before everyone is there.
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			response, err := l.Invoke(context.WithoutCancel(t.Context()), []byte(`{"Do":"meet:64"}`))
			if err != nil || string(response.Payload) != `"met"` {
				t.Errorf("%+v, %v", response, err)
			}
		})
	}
	all.Wait()
	if err := l.Shutdown(t.Context(), ""); err != nil {
		t.Error(err)
	}
	got := lines(l, "alpha", "register:")
	want := `403 {"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`
	if len(got) != 2 || got[0] != want || got[1][:3] != "200" {
		t.Errorf("register: %q", got)
	}
	if got := events(t, l, "alpha"); len(got) != 1 || got[0].EventType != eventShutdown {
		t.Errorf("events %+v", got)
	}
	for _, name := range []string{"alpha", functionProcess} {
		env := lines(l, name, "env: AWS_LAMBDA_INITIALIZATION_TYPE=")
		if len(env) != 1 || env[0] != "lambda-managed-instances" {
			t.Errorf("%s sees the initialisation type %q", name, env)
		}
	}
}

// TestManagedTimeout times one of two concurrent invocations out.
func TestManagedTimeout(t *testing.T) {
	t.Parallel()
	l := start(t, Config{ManagedInstances: true, Concurrency: 2, Timeout: 2 * time.Second},
		scripts{"alpha": `events=["SHUTDOWN"]`, "function": ""})
	mustInit(t, l)
	late := make(chan *Response)
	go func() {
		response, _ := l.Invoke(context.WithoutCancel(t.Context()), []byte(`{"Do":"hang"}`))
		late <- response
	}()
	eventually(t, "the slow one runs", func() bool { return len(lines(l, functionProcess, "invocation:")) == 1 })
	mustDo(t, l, order{})
	wantFault(t, (<-late).Fault, SandboxTimedout, "Task timed out after 2.00 seconds")
	if r := mustDo(t, l, order{}); len(r.Inits) != 0 {
		t.Error("the timeout has reset the environment")
	}
}

// TestManagedCrash has all concurrent invocations fail, and one reset.
func TestManagedCrash(t *testing.T) {
	t.Parallel()
	l := start(t, Config{ManagedInstances: true, Concurrency: 3}, scripts{"alpha": `events=["SHUTDOWN"]`, "function": ""})
	mustInit(t, l)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			response, err := l.Invoke(context.WithoutCancel(t.Context()), []byte(`{"Do":"hang"}`))
			if err != nil || response.Fault == nil || response.Fault.Type != RuntimeExitError {
				t.Errorf("%+v, %v", response, err)
			}
		})
	}
	eventually(t, "both run", func() bool { return len(lines(l, functionProcess, "invocation:")) == 2 })
	wantFault(t, do(t, l, order{Do: "exit:9"}).Fault, RuntimeExitError, "exit status 9")
	all.Wait()
	if r := mustDo(t, l, order{}); len(r.Inits) != 1 || r.Inits[0].Environment != 2 || !json.Valid(r.Payload) {
		t.Errorf("%+v", r)
	}
}
