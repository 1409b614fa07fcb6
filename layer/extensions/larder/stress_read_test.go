package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// form is a way to ask for a secret.
type form int

const (
	byName form = iota
	byStage
	byARN
	byPartialARN
	byExtension // at the endpoint of AWS's own extension
	pastCache
	missing // there is no such secret
)

func (f form) path(name string) string {
	arn := agenttest.ARN(agenttest.Region, name)
	switch f {
	case byStage:
		return "/secret?versionStage=AWSCURRENT&name=" + url.QueryEscape(name)
	case byARN:
		return "/secret?name=" + url.QueryEscape(arn)
	case byPartialARN:
		return "/secret?name=" + url.QueryEscape(arn[:len(arn)-len("-AbCdEf")])
	case byExtension:
		return "/secretsmanager/get?secretId=" + url.QueryEscape(name)
	case pastCache:
		return "/secret?refresh=true&name=" + url.QueryEscape(name)
	case missing:
		return "/secret?name=" + url.QueryEscape("no-"+name)
	default:
		return "/secret?name=" + url.QueryEscape(name)
	}
}

// reading is one read, as its reader saw it.
type reading struct {
	name       string
	form       form
	began, end time.Time
	status     int
	header     http.Header
	body       []byte
	err        error
}

func (s *stress) read(client *http.Client, name string, f form) reading {
	r := reading{name: name, form: f, began: time.Now()}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://127.0.0.1:"+s.port+f.path(name), nil)
	if err != nil {
		r.err = err
		return r
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "local-session-token")
	resp, err := client.Do(req)
	if err == nil {
		r.status, r.header = resp.StatusCode, resp.Header
		r.body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	r.err, r.end = err, time.Now()
	return r
}

func (r *reading) age() time.Duration { return seconds(r.header.Get("Age")) }

// left is of the TTL, rounded down.
func (r *reading) left() time.Duration {
	_, ttl, _ := strings.Cut(r.header.Get("Cache-Status"), "; ttl=")
	return seconds(ttl)
}

func seconds(text string) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return time.Duration(n) * time.Second
}

func (r *reading) stale() bool { return r.header.Get("Larder-Stale") == "true" }

// how is whether the value was there, or why it was not, as RFC 9211 says it.
func (r *reading) how() string {
	fields := strings.Split(r.header.Get("Cache-Status")+"; ", "; ")
	return fields[1]
}

func (r *reading) joined() bool { return strings.Contains(r.header.Get("Cache-Status"), "; collapsed") }

// version is which one the answer carries, and wrong what is wrong with that.
func (r *reading) version() (version int, id string, wrong error) {
	text, id := string(r.body), strings.Trim(r.header.Get("ETag"), `"`)
	if r.form == byExtension {
		var out struct{ Name, VersionId, SecretString string }
		if err := json.Unmarshal(r.body, &out); err != nil || out.Name != r.name || out.VersionId != id {
			return 0, "", fmt.Errorf("%v: %s with the version %s", err, r.body, id)
		}
		text = out.SecretString
	}
	version, ok := versionIn(r.name, text)
	if !ok {
		return 0, "", fmt.Errorf("the value is %q", text)
	}
	return version, id, nil
}

// trace is what the reads of one name that have ended tell of it.
type trace struct {
	mu         sync.Mutex // guards all below
	freshUntil time.Time  // at least
	newest     int        // version
}

func (t *trace) known() (freshUntil time.Time, newest int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.freshUntil, t.newest
}

func (t *trace) learn(r *reading, version int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := r.began.Add(r.left()); until.After(t.freshUntil) {
		t.freshUntil = until
	}
	t.newest = max(t.newest, version)
}
