package lambdatest

import (
	"encoding/json"
	"fmt"
)

// Types of a Fault, as Lambda names them in errorType.
const (
	ExtensionCrash     = "Extension.Crash"               // an extension exited before SHUTDOWN, whatever its status
	ExtensionInitError = "Extension.InitError"           // an extension posted to init/error
	ExtensionExitError = "Extension.ExitError"           // an extension posted to exit/error
	ExtensionLaunch    = "Extension.LaunchError"         // an extension's file could not be started
	RuntimeExitError   = "Runtime.ExitError"             // the function's process exited
	RuntimeInitError   = "Runtime.InitError"             // the function's process posted to init/error
	RuntimeEntrypoint  = "Runtime.InvalidEntrypoint"     // the function's command could not be started
	SandboxTimedout    = "Sandbox.Timedout"              // INIT, or handler and extensions together, took too long
	ResponseTooLarge   = "Function.ResponseSizeTooLarge" // a FunctionError, not a Fault
)

// Fault is why an INIT or an invocation failed other than by the handler's own
// error. After it, the environment is reset: all its processes are shut down
// and INIT runs again inside the next invocation.
type Fault struct {
	Type    string // one of the constants above
	Message string

	payload []byte // the body posted by the runtime, which the caller gets instead
}

func (f *Fault) Error() string { return f.Type + ": " + f.Message }

// body is what the caller of the invocation gets.
func (f *Fault) body(requestID string) []byte {
	switch {
	case f.payload != nil:
		return f.payload
	case f.Type == SandboxTimedout:
		return errorBody(f.Type, f.Message)
	default:
		return errorBody(f.Type, fmt.Sprintf("RequestId: %s Error: %s", requestID, f.Message))
	}
}

// shutdownReason is the reason given to the extensions for the reset.
func (f *Fault) shutdownReason() string {
	if f.Type == SandboxTimedout {
		return ReasonTimeout
	}
	return ReasonFailure
}

// errorBody is the shape of every error in Lambda's APIs.
func errorBody(errorType, message string) []byte {
	body, err := json.Marshal(struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}{message, errorType})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return body
}

// serviceErrorBody is the shape of the Lambda API's own errors.
func serviceErrorBody(message string) []byte {
	body, err := json.Marshal(struct {
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{"User", message})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return body
}
