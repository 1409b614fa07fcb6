package lambdatest

import (
	"net/http"
	"strconv"
)

// Limits of a synchronous invocation (AWS Lambda developer guide, quotas). The
// runtime core accepts 100 bytes more in a response.
const (
	maxRequest  = 6 << 20
	maxResponse = 6<<20 + 100
)

// routeRuntime serves the Runtime API (AWS Lambda developer guide, "Using the
// Lambda runtime API for custom runtimes").
func (l *Lambda) routeRuntime(mux *http.ServeMux) {
	const base = "/2018-06-01/runtime/"
	mux.HandleFunc("GET "+base+"invocation/next", l.runtimeNext)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", l.runtimeResponse)
	mux.HandleFunc("POST "+base+"invocation/{id}/error", l.runtimeError)
	mux.HandleFunc("POST "+base+"init/error", l.runtimeInitError)
}

// runtimeEnvironment returns the environment whose runtime may be asking, or
// answers that there is none.
func (l *Lambda) runtimeEnvironment(w http.ResponseWriter) *environment {
	e, _ := l.environment()
	if e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.function != nil {
			return e
		}
	}
	writeError(w, http.StatusForbidden, "InvalidStateTransition", "there is no runtime at this time")
	return nil
}

// runtimeNext waits for an invocation. Several Nexts may wait at once: that is
// how a runtime takes concurrent invocations on Managed Instances.
func (l *Lambda) runtimeNext(w http.ResponseWriter, r *http.Request) {
	e := l.runtimeEnvironment(w)
	if e == nil {
		return
	}
	e.update(func() {
		e.polls++
		e.closed = true
		e.ready(e.function)
	})
	var i *invocation
	err := e.await(r.Context(), func() bool {
		if len(e.queue) == 0 {
			return false
		}
		i, e.queue = e.queue[0], e.queue[1:]
		e.polls--
		return true
	})
	if err != nil {
		e.update(func() { e.polls-- })
		abandon()
	}
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", l.config.functionARN())
	if i.request.TraceID != "" {
		h.Set("Lambda-Runtime-Trace-Id", i.request.TraceID)
	}
	if len(i.request.ClientContext) > 0 {
		h.Set("Lambda-Runtime-Client-Context", string(i.request.ClientContext))
	}
	writeJSON(w, http.StatusOK, i.request.Payload)
}

func (l *Lambda) runtimeResponse(w http.ResponseWriter, r *http.Request) {
	e := l.runtimeEnvironment(w)
	if e == nil {
		return
	}
	body, tooLarge, err := readBody(w, r, maxResponse)
	if tooLarge {
		const message = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
		problem := errorBody(ResponseTooLarge, message)
		if e.respond(w, r.PathValue("id"), problem, "Unhandled") {
			writeJSON(w, http.StatusRequestEntityTooLarge, problem)
		}
		return
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return
	}
	functionError := ""
	if r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "" { // of a streamed response
		functionError = "Unhandled"
	}
	if e.respond(w, r.PathValue("id"), body, functionError) {
		writeAccepted(w)
	}
}

func (l *Lambda) runtimeError(w http.ResponseWriter, r *http.Request) {
	e := l.runtimeEnvironment(w)
	if e == nil {
		return
	}
	posted, ok := readError(w, r, "invocation/error", "Lambda-Runtime-Function-Error-Type")
	if ok && e.respond(w, r.PathValue("id"), posted.Body, "Unhandled") {
		writeAccepted(w)
	}
}

// respond hands the function's answer to the caller, or answers the runtime
// that it has no such invocation. In a shared environment the caller may have
// given up: then it is dropped.
func (e *environment) respond(w http.ResponseWriter, id string, payload []byte, functionError string) bool {
	known := false
	e.update(func() {
		i := e.inFlight[id]
		if known = i != nil; known {
			delete(e.inFlight, id)
			i.respond(payload, functionError)
		}
	})
	if !known {
		writeError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	}
	return known
}

// runtimeInitError ends INIT. The posted body is what a caller gets.
func (l *Lambda) runtimeInitError(w http.ResponseWriter, r *http.Request) {
	e := l.runtimeEnvironment(w)
	if e == nil {
		return
	}
	posted, ok := readError(w, r, "init/error", "Lambda-Runtime-Function-Error-Type")
	if !ok {
		return
	}
	e.posted(nil, posted)
	e.fail(&Fault{Type: RuntimeInitError, Message: posted.Type + ": " + posted.Message, payload: posted.Body})
	writeAccepted(w)
}
