package lambdatest

import "slices"

// Events an extension may register for.
const (
	eventInvoke   = "INVOKE"
	eventShutdown = "SHUTDOWN"
)

// extension is a registered extension. The environment's lock guards it.
type extension struct {
	id      string
	name    string
	process *process // nil for an internal extension: part of the function's process
	events  []string

	polls   int     // pending Nexts
	busy    bool    // has an event, and not called Next since
	pending []event // not fetched yet: at most an INVOKE and a SHUTDOWN
}

// event is the answer to an extension's Next (AWS Lambda developer guide,
// Extensions API, "Next").
type event struct {
	EventType          string   `json:"eventType"`
	DeadlineMs         int64    `json:"deadlineMs"`
	RequestID          string   `json:"requestId,omitempty"`
	InvokedFunctionARN string   `json:"invokedFunctionArn,omitempty"`
	Tracing            *tracing `json:"tracing,omitempty"`
	ShutdownReason     string   `json:"shutdownReason,omitempty"`
}

type tracing struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// waiting reports whether the extension is in Next with nothing to do.
func (x *extension) waiting() bool {
	return x.polls > 0 && !x.busy && len(x.pending) == 0
}

func (x *extension) subscribed(eventType string) bool {
	return slices.Contains(x.events, eventType)
}

// send queues the event if the extension registered for it.
func (x *extension) send(ev event) bool {
	if !x.subscribed(ev.EventType) {
		return false
	}
	x.busy = true
	x.pending = append(x.pending, ev)
	return true
}
