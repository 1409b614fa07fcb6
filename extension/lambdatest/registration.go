package lambdatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (l *Lambda) register(w http.ResponseWriter, r *http.Request) {
	if refusal := l.config.RefuseRegister; refusal != nil {
		writeError(w, refusal.Status, refusal.ErrorType, refusal.ErrorMessage)
		return
	}
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		writeError(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	var request struct {
		Events []string `json:"events"`
	}
	body, _, err := readBody(w, r, maxErrorBody)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return
	}
	id, problem := "", errorBody("Extension.RegistrationClosed", "Extension registration closed already")
	if e, _ := l.environment(); e != nil {
		id, problem = e.register(name, request.Events)
	}
	if problem != nil {
		writeJSON(w, http.StatusForbidden, problem)
		return
	}
	w.Header().Set("Lambda-Extension-Identifier", id)
	writeJSON(w, http.StatusOK, l.registration(r.Header.Get("Lambda-Extension-Accept-Feature")))
}

// registration is the body of a successful answer. features is a list
// separated by commas.
func (l *Lambda) registration(features string) []byte {
	answer := map[string]string{
		"functionName":    l.config.FunctionName,
		"functionVersion": l.config.FunctionVersion,
		"handler":         l.config.Handler,
	}
	for feature := range strings.SplitSeq(features, ",") {
		if strings.TrimSpace(feature) == "accountId" {
			answer["accountId"] = l.config.AccountID
		}
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // strings always marshal
	}
	return body
}

// register admits an extension and returns its identifier, or the body of the
// refusal.
func (e *environment) register(name string, events []string) (id string, refusal []byte) {
	e.update(func() {
		p := e.external(name)
		for _, ev := range events {
			if !e.mayReceive(ev, p != nil) {
				refusal = errorBody("Extension.InvalidEventType", ev+": ErrorInvalidEventType")
				return
			}
		}
		for _, x := range e.extensions {
			if x.name == name {
				refusal = errorBody("Extension.InvalidExtensionState", fmt.Sprintf("extension %q has registered already", name))
				return
			}
		}
		if e.closed || e.stopping {
			refusal = errorBody("Extension.RegistrationClosed", "Extension registration closed already")
			return
		}
		id = newID()
		e.extensions[id] = &extension{id: id, name: name, process: p, events: slices.Clone(events)}
		if p != nil {
			p.record(func(report *Process) {
				report.State = Registered
				report.Registered = time.Since(p.began)
			})
		}
	})
	return id, refusal
}

// mayReceive reports whether an extension may register for the event: an
// internal one may not have SHUTDOWN, and on Managed Instances nobody INVOKE.
func (e *environment) mayReceive(eventType string, external bool) bool {
	switch eventType {
	case eventInvoke:
		return !e.config.ManagedInstances
	case eventShutdown:
		return external
	default:
		return false
	}
}
