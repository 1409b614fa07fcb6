package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-secrets/larder/agent"
)

// TestRepeatsAreAnsweredAlike holds the answers on a connection that asks the same
// again and again against the first.
func TestRepeatsAreAnsweredAlike(t *testing.T) {
	r := start(t, nil)
	r.store.put("a", planted)
	r.store.put("json", `{"user":"app","password":"`+planted+`"}`)
	r.store.put("big", strings.Repeat("x", 60_000))
	binary := r.store.put("binary", "\x00\x01")
	binary.Binary = true
	versionless := r.store.put("versionless", planted)
	versionless.Version = ""
	r.store.fail("none", agent.Error{Kind: agent.NotFound, Status: 400, Code: "ResourceNotFoundException", Message: "there is none"})
	for _, target := range []string{
		"/secret?name=a", "/secret?name=json&key=user", "/secret?name=json&key=none", "/secret?name=big", "/secret?name=binary", "/secret?name=versionless",
		"/secret?name=none", "/secret", "/secret?name=a&name=b", "/secret?name=a&refresh=true", "/secret?name=a&refresh=false",
		"/secretsmanager/get?secretId=a", "/secretsmanager/get?secretId=big", "/secretsmanager/get?secretId=binary", "/secretsmanager/get?secretId=none",
		"/systemsmanager/parameters/get?name=a", "/v1/a", "/v1/none", "/ping", "/status", "/nowhere",
	} {
		t.Run(target, func(t *testing.T) {
			conn := r.dial()
			defer conn.Close()
			request := "GET " + target + " HTTP/1.1\nHost: $HOST\n$TOKEN\nAccept: */*\n\n"
			r.over(conn, request) // which brings it
			if strings.Contains(target, "refresh=true") || target == "/status" {
				request = strings.Replace(request, target, "/secret?name=a", 1)
				r.over(conn, request)
			}
			first := r.over(conn, "GET /ping HTTP/1.1\nHost: $HOST\n$TOKEN\n\n")
			first.want(t, 200, "healthy")
			second := r.dial()
			defer second.Close()
			whole := r.over(second, request)
			for range 3 {
				again := r.over(conn, request)
				for _, name := range []string{"Age", "Date", "Cache-Status"} {
					if len(again.Header[name]) != len(whole.Header[name]) {
						t.Errorf("%s: %q, at first %q", name, again.Header[name], whole.Header[name])
					}
					again.Header.Del(name)
					whole.Header.Del(name)
				}
				if again.StatusCode != whole.StatusCode || again.body != whole.body || fmt.Sprint(again.Header) != fmt.Sprint(whole.Header) || again.ContentLength != whole.ContentLength {
					t.Fatalf("a repeat is answered with %d %v %.100q, the first was with %d %v %.100q",
						again.StatusCode, again.Header, again.body, whole.StatusCode, whole.Header, whole.body)
				}
				whole = r.over(second, request)
			}
		})
	}
}

// TestRepeatsFollowTheSecret: what is learned is the question, not the answer.
func TestRepeatsFollowTheSecret(t *testing.T) {
	r := start(t, nil)
	conn := r.dial()
	defer conn.Close()
	const request = "GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\n\n"
	for i := range 3 {
		r.store.put("a", fmt.Sprint("value-", i))
		r.cache.Drop()
		for range 3 {
			r.over(conn, request).want(t, 200, fmt.Sprint("value-", i))
		}
	}
	r.cache.Drop()
	r.store.fail("a", agent.Error{Kind: agent.NotFound, Status: 400, Code: "ResourceNotFoundException", Message: "it is gone"})
	r.over(conn, request).want(t, 404, "it is gone")
}

// TestRequestBeforeTheAnswer: a client that does not wait for an answer before it
// asks again gets one for each, as from then on.
func TestRequestBeforeTheAnswer(t *testing.T) {
	r := start(t, nil)
	asked, release := make(chan struct{}), make(chan struct{})
	secret := r.store.put("a", planted)
	r.store.on(named("a"), func(context.Context) agent.Result {
		close(asked)
		<-release
		return agent.Result{Secret: secret}
	})
	conn := r.dial()
	defer conn.Close()
	request := r.written("GET /secret?name=a HTTP/1.1\nHost: $HOST\n$TOKEN\n\n")
	answers := bufio.NewReader(conn)
	io.WriteString(conn, request)
	<-asked
	io.WriteString(conn, request)
	close(release)
	for i := range 6 {
		if i >= 2 {
			io.WriteString(conn, request)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != planted || err != nil {
			t.Errorf("answer %d: %d %q, %v", i, resp.StatusCode, body, err)
		}
	}
}

// TestShutdownCutsNoRepeat: who asks the same without a pause while the server
// stops gets whole answers, and then an end.
func TestShutdownCutsNoRepeat(t *testing.T) {
	r := start(t, nil)
	r.store.put("big", strings.Repeat("x", 60_000))
	var readers, begun sync.WaitGroup
	for range 8 {
		conn := r.dial()
		begun.Add(1)
		readers.Go(func() {
			defer conn.Close()
			began := sync.OnceFunc(begun.Done)
			defer began()
			answers := bufio.NewReader(conn)
			for i := 0; ; i++ {
				if _, err := io.WriteString(conn, r.written("GET /secret?name=big HTTP/1.1\nHost: $HOST\n$TOKEN\n\n")); err != nil {
					return
				}
				resp, err := http.ReadResponse(answers, nil)
				if errors.Is(err, io.ErrUnexpectedEOF) && answers.Buffered() > 0 {
					t.Errorf("an answer ends in its header: %v", err)
				}
				if err != nil {
					return
				}
				if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 60_000 {
					t.Errorf("an answer of %d bytes: %v", len(body), err)
					return
				}
				if i == 10 {
					began()
				}
			}
		})
	}
	begun.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r.Shutdown(ctx)
	if ctx.Err() != nil {
		t.Error("the server did not stop")
	}
	readers.Wait()
}
