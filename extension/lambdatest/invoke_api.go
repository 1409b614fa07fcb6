package lambdatest

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// routeInvoke serves the Invoke operation of the Lambda API at the path that
// AWS's emulator uses, and under the function's own name, as the AWS CLI and
// the SDKs ask with an endpoint URL.
func (l *Lambda) routeInvoke(mux *http.ServeMux) {
	mux.HandleFunc("POST /2015-03-31/functions/{function}/invocations", l.invokeHTTP)
}

// invokeHTTP answers as soon as the function has responded; the invocation
// itself goes on until the extensions are done.
func (l *Lambda) invokeHTTP(w http.ResponseWriter, r *http.Request) {
	if !l.isFunction(r.PathValue("function")) {
		writeServiceError(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+r.PathValue("function"))
		return
	}
	request, ok := readRequest(w, r)
	if !ok {
		return
	}
	switch r.Header.Get("X-Amz-Invocation-Type") {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		writeServiceError(w, http.StatusBadRequest, "InvalidParameterValueException", "only RequestResponse and DryRun are supported locally")
		return
	}
	i, err := l.begin(r.Context(), request)
	if err != nil {
		writeServiceError(w, http.StatusBadGateway, "ServiceException", err.Error())
		return
	}
	l.answer(r.Context(), w, i)
}

// answer waits for the invocation's answer and passes it on.
func (l *Lambda) answer(ctx context.Context, w http.ResponseWriter, i *invocation) {
	select {
	case <-i.responded:
	case <-i.completed: // without an answer: i.err is set
	case <-ctx.Done():
		abandon()
	}
	select {
	case <-i.responded:
	default:
		writeServiceError(w, http.StatusBadGateway, "ServiceException", i.err.Error())
		return
	}
	w.Header().Set("X-Amzn-RequestId", i.id)
	w.Header().Set("X-Amz-Executed-Version", l.config.FunctionVersion)
	if i.answer.functionError != "" {
		w.Header().Set("X-Amz-Function-Error", i.answer.functionError)
	}
	writeJSON(w, http.StatusOK, i.answer.payload)
}

// isFunction accepts the emulator's fixed name, the function's name and its
// ARN, the last two with or without a qualifier.
func (l *Lambda) isFunction(name string) bool {
	arn := l.config.functionARN()
	for _, known := range []string{"function", l.config.FunctionName, arn} {
		if name == known || strings.HasPrefix(name, known+":") {
			return true
		}
	}
	return false
}

// readRequest reads the invocation, or answers that it cannot.
func readRequest(w http.ResponseWriter, r *http.Request) (Request, bool) {
	body, tooLarge, err := readBody(w, r, maxRequest)
	if tooLarge {
		writeServiceError(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation")
		return Request{}, false
	}
	var clientContext []byte
	if err == nil {
		clientContext, err = base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	}
	if err == nil && strings.ContainsAny(string(clientContext), "\r\n") {
		err = errors.New("client context: line breaks are not supported")
	}
	if err != nil {
		writeServiceError(w, http.StatusBadRequest, "InvalidRequestContentException", err.Error())
		return Request{}, false
	}
	return Request{Payload: body, TraceID: r.Header.Get("X-Amzn-Trace-Id"), ClientContext: clientContext}, true
}

// writeServiceError writes an error of the Lambda API, in the form that the
// SDKs read.
func writeServiceError(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("X-Amzn-ErrorType", errorType)
	writeJSON(w, status, serviceErrorBody(message))
}
