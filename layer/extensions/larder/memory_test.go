package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
	"github.com/larder-secrets/larder/extension/lambdatest"
)

// TestManyNamesDoNotGrowTheProcess: whoever asks for a hundred thousand distinct
// names gets answers, and the process stays as large as it was after the first
// ones.
func TestManyNamesDoNotGrowTheProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skipf("resident memory is read from /proc: %v", err)
	}
	const names = 100_000
	aws := agenttest.NewAWS(t)
	b := start(t, with(agenttest.Environment(aws.URL), "LARDER_LOG_LEVEL", "warn"), func(c *lambdatest.Config) {
		c.Extensions = []string{shipped()} // the race detector takes memory of its own
	}).init()
	ask := func(from, to int) map[int]int {
		var mu sync.Mutex
		statuses := map[int]int{}
		var readers sync.WaitGroup
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		defer client.CloseIdleConnections()
		for reader := range 8 {
			readers.Go(func() {
				for i := from + reader; i < to; i += 8 {
					status, _, _ := b.direct(client, fmt.Sprintf("/secret?name=%s-%d", strings.Repeat("x", 200), i))
					mu.Lock()
					statuses[status]++
					mu.Unlock()
				}
			})
		}
		readers.Wait()
		return statuses
	}
	ask(0, names/10)
	before := b.resident()
	statuses := ask(names/10, names)
	after := b.resident()
	t.Logf("%d names: %v; resident memory %d KiB after a tenth of them, %d KiB after all", names, statuses, before, after)
	if statuses[http.StatusNotFound] == 0 || statuses[http.StatusTooManyRequests] == 0 || statuses[http.StatusNotFound]+statuses[http.StatusTooManyRequests] != names-names/10 {
		t.Errorf("statuses %v, want 404, and 429 beyond the budget", statuses)
	}
	if after > before+before/2+8<<10 { // the failures' mebibyte, and a heap that may double before it is collected
		t.Errorf("resident memory grew from %d to %d KiB", before, after)
	}
}

// direct makes a request past the function, with the right token.
func (b *bench) direct(client *http.Client, path string) (status int, header http.Header, body []byte) {
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://127.0.0.1:"+b.port+path, nil)
	if err != nil {
		b.t.Error(err)
		return 0, nil, nil
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "local-session-token")
	resp, err := client.Do(req)
	if err != nil {
		b.t.Error(err)
		return 0, nil, nil
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		b.t.Error(err)
	}
	return resp.StatusCode, resp.Header, body
}

// resident returns the extension's resident memory in KiB.
func (b *bench) resident() int {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.Process("larder").PID))
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return kib
}
