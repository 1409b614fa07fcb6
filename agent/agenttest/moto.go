package agenttest

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

// motoStart is how long a moto may take to start.
const motoStart = time.Minute

// Moto starts a moto, a local AWS, on a free loopback port and returns its URL.
// It is empty, and ends with t. LARDER_MOTO must be the path of moto_server:
// `make integration` sets it.
func Moto(t testing.TB) string {
	t.Helper()
	path := os.Getenv("LARDER_MOTO")
	if path == "" {
		t.Fatal("LARDER_MOTO is not set: it must be the path of moto_server (pip install 'moto[server]'); make integration installs it and sets it")
	}
	// The pipe to the shell's subshell is closed when this process ends in
	// whatever way, and moto then ends too.
	const script = `exec 3<&0; (read -r _ <&3; kill $$) >/dev/null 2>&1 & exec "$0" -H 127.0.0.1 -p 0 3<&- </dev/null`
	cmd := exec.Command("/bin/sh", "-c", script, path)
	out := &output{ready: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(cmd.Environ(), "PYTHONUNBUFFERED=1")
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("LARDER_MOTO: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() // by our signal, or too early, which is seen below
	}()
	t.Cleanup(func() {
		alive.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})

	timeout := time.NewTimer(motoStart)
	defer timeout.Stop()
	select {
	case url := <-out.ready:
		reset(t, url)
		return url
	case <-ended:
		t.Fatalf("LARDER_MOTO: %s ended at once: %s", path, out.text())
	case <-timeout.C:
		t.Fatalf("LARDER_MOTO: %s has not started within %v: %s", path, motoStart, out.text())
	}
	return ""
}

// reset is the first request, which is answered when moto has started.
func reset(t testing.TB, url string) {
	t.Helper()
	client := &http.Client{Timeout: motoStart}
	defer client.CloseIdleConnections()
	resp, err := client.Post(url+"/moto-api/reset", "", nil)
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("moto: reset: %s", resp.Status)
	}
}

// output is what moto prints until it says where it listens.
type output struct {
	ready chan string // gets the URL, once

	mu     sync.Mutex // guards both below
	buffer bytes.Buffer
	found  bool
}

var listening = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)\s`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found {
		return len(p), nil // a line for each request
	}
	o.buffer.Write(p)
	if url := listening.FindSubmatch(o.buffer.Bytes()); url != nil {
		o.found = true
		o.ready <- string(url[1])
	}
	return len(p), nil
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
