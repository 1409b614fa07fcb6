package lambdatest

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// Request is an invocation.
type Request struct {
	Payload       []byte // the event; empty means {}
	TraceID       string // X-Ray trace header, optional
	ClientContext []byte // JSON for the function's client context, optional
}

// Response is the outcome of an invocation.
type Response struct {
	RequestID string
	Payload   []byte // what the caller gets: the function's answer, or an error as JSON

	// FunctionError is empty or "Unhandled": Payload is an error, posted by the
	// function or made from Fault.
	FunctionError string

	// Fault is why the environment was reset, or nil. When it came after the
	// function had responded, the caller has the function's answer nevertheless
	// and FunctionError is empty.
	Fault *Fault

	// Inits are the INIT phases that this invocation ran: none in a warm
	// environment, one in a new one, two if the first failed.
	Inits []*Init

	Duration time.Duration // from the invocation's start until the function responded
	Total    time.Duration // until the extensions were done too, which is billed
}

// invocation is one request on its way. The fields below a channel belong to
// the lambda's goroutine until that channel is closed.
type invocation struct {
	id       string
	request  Request
	began    time.Time
	deadline time.Time

	responded chan struct{} // closed when the caller has its answer
	answer    answer        // written with the environment's lock held, once a runtime has it

	completed chan struct{} // closed when the environment is free again
	inits     []*Init
	fault     *Fault
	total     time.Duration
	err       error // the local Lambda's own
}

type answer struct {
	given         bool
	payload       []byte
	functionError string
	duration      time.Duration
}

func newInvocation(request Request) *invocation {
	if len(request.Payload) == 0 {
		request.Payload = []byte("{}")
	}
	return &invocation{
		id:        newID(),
		request:   request,
		responded: make(chan struct{}),
		completed: make(chan struct{}),
	}
}

// respond gives the caller its answer. Only the first one counts. Once the
// invocation is in an environment its lock must be held.
func (i *invocation) respond(payload []byte, functionError string) {
	if i.answer.given {
		return
	}
	i.answer = answer{true, payload, functionError, time.Since(i.began)}
	close(i.responded)
}

// fail ends an invocation that no environment has seen.
func (i *invocation) fail(fault *Fault) {
	i.fault = fault
	i.respond(fault.body(i.id), "Unhandled")
	i.total = i.answer.duration
}

// response is the report once the invocation is completed.
func (i *invocation) response() *Response {
	return &Response{
		RequestID:     i.id,
		Payload:       i.answer.payload,
		FunctionError: i.answer.functionError,
		Fault:         i.fault,
		Inits:         i.inits,
		Duration:      i.answer.duration,
		Total:         i.total,
	}
}

// timeout is the fault of an invocation that used up its time, worded as in
// Lambda's logs.
func (i *invocation) timeout(limit time.Duration) *Fault {
	return &Fault{Type: SandboxTimedout, Message: fmt.Sprintf("%s %s Task timed out after %.2f seconds",
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), i.id, limit.Seconds())}
}

// dispatch sends the invocation to the extensions and the runtime.
func (e *environment) dispatch(i *invocation) {
	ev := event{
		EventType:          eventInvoke,
		DeadlineMs:         i.deadline.UnixMilli(),
		RequestID:          i.id,
		InvokedFunctionARN: e.config.functionARN(),
	}
	if i.request.TraceID != "" {
		ev.Tracing = &tracing{Type: "X-Amzn-Trace-Id", Value: i.request.TraceID}
	}
	e.update(func() {
		for _, x := range e.extensions {
			x.send(ev)
		}
		e.inFlight[i.id] = i
		e.queue = append(e.queue, i)
	})
}

// invoke takes the invocation through its phase: until the function has
// responded and, where the environment is not shared, until the runtime and all
// extensions are back in Next. The fault it returns ends the environment.
func (e *environment) invoke(ctx context.Context, i *invocation) (*Fault, error) {
	limited, cancel := context.WithDeadline(ctx, i.deadline)
	defer cancel()
	e.dispatch(i)
	fault, err := e.awaitSound(limited, func() bool {
		return i.answer.given && (e.config.ManagedInstances || e.idle())
	})
	e.update(func() {
		if err == errGone { // another invocation has reset the environment
			fault = e.fault
		} else if err != nil && ctx.Err() == nil {
			fault = i.timeout(e.config.Timeout)
		}
		if fault != nil {
			err = nil
			i.respond(fault.body(i.id), "Unhandled")
		}
		e.withdraw(i)
	})
	return fault, err
}

// withdraw takes the invocation out of the environment, unless the runtime has
// it and may still respond. The lock must be held.
func (e *environment) withdraw(i *invocation) {
	for n, queued := range e.queue {
		if queued == i {
			e.queue = append(e.queue[:n:n], e.queue[n+1:]...)
			delete(e.inFlight, i.id)
			return
		}
	}
}

// newID is a random UUID.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
