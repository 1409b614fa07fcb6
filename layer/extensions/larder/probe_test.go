package main

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/larder-secrets/larder/agent/client"
)

// probeVariable makes this test binary the function's process.
const probeVariable = "TEST_PROBE"

// request is what the probe is invoked with: a GET to the agent, or a read
// through the Go client.
type request struct {
	Path    string
	Token   *string // nil: the right one; empty: none
	Client  string  // the name of a secret
	AtInit  bool    // what the read in init came to
	Refresh bool
	Await   string // a URL to be answered before the request is made
}

// answer is what came of a request.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
	Error  string
	Took   time.Duration
}

var atInit answer

// probe is a function in Go. It reads the secret that PROBE_INIT names before it
// asks for its first invocation.
func probe() {
	if name := os.Getenv("PROBE_INIT"); name != "" {
		atInit = readByClient(context.Background(), request{Client: name})
	}
	lambda.Start(func(ctx context.Context, requests []request) ([]answer, error) {
		var answers []answer
		for _, r := range requests {
			if r.Await != "" {
				await(ctx, r.Await)
			}
			began := time.Now()
			a := r.answer(ctx)
			a.Took = time.Since(began)
			answers = append(answers, a)
		}
		return answers, nil
	})
}

func (r request) answer(ctx context.Context) answer {
	switch {
	case r.AtInit:
		return atInit
	case r.Client != "":
		return readByClient(ctx, r)
	default:
		return get(ctx, r)
	}
}

// await returns when url has been answered, in whatever way.
func await(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}

func readByClient(ctx context.Context, r request) answer {
	ref := client.Secret(r.Client)
	if r.Refresh {
		ref = ref.Fresh()
	}
	value, err := ref.Value(ctx)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Status: http.StatusOK, Body: []byte(value)}
}

// get asks as any HTTP client would.
func get(ctx context.Context, r request) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+os.Getenv("LARDER_PORT")+r.Path, nil)
	if err != nil {
		return answer{Error: err.Error()}
	}
	token := cmp.Or(os.Getenv("AWS_SESSION_TOKEN"), os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
	if r.Token != nil {
		token = *r.Token
	}
	if token != "" {
		req.Header.Set("X-Aws-Parameters-Secrets-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{Error: err.Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
}
