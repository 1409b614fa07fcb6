package agenttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"
)

// Fault is what goes wrong with a call: it answers r itself, or has answer do it
// sooner or later, or changes what answer says. It returns once r's context has
// ended, which is when the client has gone. A test writes its own where those of
// this package do not do:
//
//	aws.Always("GetSecretValue", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
//		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
//	})
type Fault func(w http.ResponseWriter, r *http.Request, answer http.Handler)

// Refuse answers with an error as the service writes it.
func Refuse(status int, code, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, status, code, message)
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"__type": code, "Message": message})
}

// RefuseXML answers with an error as the services of the older protocol write
// it, such as STS.
func RefuseXML(status int, code, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, code, message)
	}
}

// Delay answers after d.
func Delay(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			answer.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Hang answers when release is closed; with nil, never.
func Hang(release <-chan struct{}) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		select {
		case <-release:
			answer.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Together lets the first n calls wait for each other, so that they are answered
// only if they are made side by side, and later ones pass.
func Together(n int) Fault {
	var mu sync.Mutex // guards arrived
	arrived := 0
	all := make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		mu.Lock()
		if arrived++; arrived == n {
			close(all)
		}
		mu.Unlock()
		Hang(all)(w, r, answer)
	}
}

// Reset breaks the connection off without an answer.
func Reset() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0) // an RST instead of an end
		}
		conn.Close()
	}
}

// Truncate breaks off in the middle of the answer's body.
func Truncate() Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		whole := record(r, answer)
		copyHeader(w, whole)
		w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
		w.WriteHeader(whole.Code)
		w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Answer answers with body, whatever it is.
func Answer(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Endless answers with begin, and then with bytes that do not end. count, where
// it is not nil, is told how many have been sent.
func Endless(begin string, count func(n int)) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		io.WriteString(w, begin)
		filler := make([]byte, 64<<10)
		for i := range filler {
			filler[i] = 'x'
		}
		for {
			n, err := w.Write(filler)
			if count != nil {
				count(n)
			}
			if err != nil {
				return
			}
		}
	}
}

// Edit changes the answer, whose body is the JSON of a T: a [Version] or a
// [Batch].
func Edit[T any](edit func(*T)) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		whole := record(r, answer)
		var body T
		if err := json.Unmarshal(whole.Body.Bytes(), &body); err != nil {
			refuse(w, http.StatusNotImplemented, "NotEditable", fmt.Sprintf("the answer is no %T: %v", body, err))
			return
		}
		edit(&body)
		copyHeader(w, whole)
		w.Header().Del("Content-Length")
		w.WriteHeader(whole.Code)
		json.NewEncoder(w).Encode(body)
	}
}

// record has answer answer into memory.
func record(r *http.Request, answer http.Handler) *httptest.ResponseRecorder {
	whole := httptest.NewRecorder()
	answer.ServeHTTP(whole, r)
	return whole
}

func copyHeader(w http.ResponseWriter, whole *httptest.ResponseRecorder) {
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
}

// WithHeader adds a header to what fault answers.
func WithHeader(name, value string, fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		w.Header().Set(name, value)
		fault(w, r, answer)
	}
}
