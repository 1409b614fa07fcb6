package lambdatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const maxErrorBody = 1 << 20

// routeExtensions serves the Extensions API (AWS Lambda developer guide,
// Extensions API, "Extensions API reference").
func (l *Lambda) routeExtensions(mux *http.ServeMux) {
	const base = "/2020-01-01/extension/"
	mux.HandleFunc("POST "+base+"register", l.register)
	mux.HandleFunc("GET "+base+"event/next", l.extensionNext)
	mux.HandleFunc("POST "+base+"init/error", l.extensionError("init/error", ExtensionInitError))
	mux.HandleFunc("POST "+base+"exit/error", l.extensionError("exit/error", ExtensionExitError))
}

func (l *Lambda) extensionNext(w http.ResponseWriter, r *http.Request) {
	e, x := l.identify(w, r)
	if x == nil {
		return
	}
	e.update(func() {
		x.polls++
		x.busy = false
		e.ready(x.process)
	})
	var ev event
	err := e.await(r.Context(), func() bool {
		if len(x.pending) == 0 {
			return false
		}
		ev, x.pending = x.pending[0], x.pending[1:]
		x.polls--
		x.busy = true
		return true
	})
	if err != nil {
		e.update(func() { x.polls-- })
		abandon()
	}
	body, err := json.Marshal(ev)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	w.Header().Set("Lambda-Extension-Event-Identifier", newID())
	writeJSON(w, http.StatusOK, body)
}

// extensionError accepts an extension's last words.
func (l *Lambda) extensionError(path, faultType string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e, x := l.identify(w, r)
		if x == nil {
			return
		}
		posted, ok := readError(w, r, path, "Lambda-Extension-Function-Error-Type")
		if !ok {
			return
		}
		e.posted(x.process, posted)
		e.fail(&Fault{Type: faultType, Message: fmt.Sprintf("extension %q: %s: %s", x.name, posted.Type, posted.Message)})
		writeAccepted(w)
	}
}

// identify finds the extension by its identifier, or answers with 403.
func (l *Lambda) identify(w http.ResponseWriter, r *http.Request) (*environment, *extension) {
	id := r.Header.Get("Lambda-Extension-Identifier")
	if id == "" {
		writeError(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
		return nil, nil
	}
	if e, _ := l.environment(); e != nil {
		e.mu.Lock()
		x := e.extensions[id]
		e.mu.Unlock()
		if x != nil {
			return e, x
		}
	}
	writeError(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
	return nil, nil
}

// readError reads an error report, or answers that it cannot.
func readError(w http.ResponseWriter, r *http.Request, path, typeHeader string) (PostedError, bool) {
	body, _, err := readBody(w, r, maxErrorBody)
	if err != nil {
		writeError(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return PostedError{}, false
	}
	var fields struct{ ErrorMessage, ErrorType string }
	json.Unmarshal(body, &fields) // any body is accepted; its fields are a courtesy
	posted := PostedError{Path: path, Type: r.Header.Get(typeHeader), Message: fields.ErrorMessage, Body: body}
	if posted.Type == "" {
		posted.Type = fields.ErrorType
	}
	return posted, true
}

// posted keeps a process's error report. A nil process stands for the
// function's, which internal extensions are part of.
func (e *environment) posted(p *process, posted PostedError) {
	if p == nil {
		e.mu.Lock()
		p = e.function
		e.mu.Unlock()
	}
	if p != nil {
		p.record(func(report *Process) { report.Errors = append(report.Errors, posted) })
	}
}

// ready notes a process's first Next. p may be nil.
func (e *environment) ready(p *process) {
	if p == nil {
		return
	}
	p.record(func(report *Process) {
		if report.Ready == 0 {
			report.State = Ready
			report.Ready = time.Since(p.began)
		}
	})
}
