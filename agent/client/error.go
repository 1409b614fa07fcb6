package client

import (
	"errors"
	"strconv"
	"strings"
)

// What an [Error] can be, for [errors.Is].
var (
	ErrNoAgent     = errors.New("no agent answers")
	ErrToken       = errors.New("the agent does not accept the token")
	ErrNotFound    = errors.New("the secret does not exist")
	ErrDenied      = errors.New("access to the secret is denied")
	ErrInvalid     = errors.New("the request makes no sense to the agent")
	ErrUnavailable = errors.New("the store cannot be asked at the moment")
	ErrJSON        = errors.New("the value is not the JSON that was expected")
)

// Error is why a secret could not be read. It holds nothing of the value.
type Error struct {
	Secret  string // as named by the caller
	Problem string // what happened and what to do
	Status  int    // the agent's HTTP status; 0 where it did not answer

	kind error
}

func (e *Error) Error() string {
	if strings.HasPrefix(e.Problem, "secret ") { // the agent's own text names it
		return e.Problem
	}
	return "secret " + strconv.Quote(e.Secret) + ": " + e.Problem
}

// Unwrap returns one of the package's Err variables.
func (e *Error) Unwrap() error { return e.kind }
