package agent

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a failure means to whoever wants the secret.
type Kind int

// A failure of one of the first three kinds is an answer: asking again gives
// the same one. One of the last two is an outage: it will pass.
const (
	Unavailable Kind = iota // the store cannot be reached or does not work
	NotFound                // there is no such secret, or no longer
	Denied                  // these credentials may not read it
	Invalid                 // the request or what is stored makes no sense
	Throttled               // the store refuses because of the rate of requests
)

var kindNames = [...]string{"unavailable", "not found", "denied", "invalid", "throttled"}

func (k Kind) String() string { return kindNames[k] }

// Outage reports whether the failure says nothing about the secret itself.
func (k Kind) Outage() bool { return k == Unavailable || k == Throttled }

// Error is why a secret cannot be had. No field ever holds a part of a value.
type Error struct {
	Kind       Kind
	Status     int           // the HTTP status that the store answered, or the nearest
	Code       string        // the store's own name for the failure, such as ResourceNotFoundException
	Message    string        // what happened, naming the secret
	RequestID  string        // by which the store knows the call
	Action     string        // the permission that is missing, such as secretsmanager:GetSecretValue
	Hint       string        // what to do about it
	RetryAfter time.Duration // how long the store asked to be left alone; 0: it did not say
}

func (e *Error) Error() string {
	text := e.Message
	if e.Action != "" {
		text += fmt.Sprintf(" (missing permission: %s)", e.Action)
	}
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

// AsError returns err as an [Error]: itself, the one it wraps, or an
// Unavailable with its text. Of nil it returns nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Unavailable, Status: 500, Code: "InternalFailure", Message: err.Error()}
}
