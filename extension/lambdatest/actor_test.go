package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
)

// An actor is the test binary in the role of an extension or of a function. Its
// script is a query string in the variable SCRIPT_<name>: step=action pairs.

func script(name string) url.Values {
	values, err := url.ParseQuery(os.Getenv("SCRIPT_" + name))
	if err != nil {
		panic(err)
	}
	return values
}

// act performs an action of a script: exit:STATUS, hang, look, wait:FILE (until
// the file exists), sleep:DURATION.
func act(action string) {
	verb, argument, _ := strings.Cut(action, ":")
	switch verb {
	case "":
	case "exit":
		status, _ := strconv.Atoi(argument)
		os.Exit(status)
	case "hang":
		hang()
	case "look":
		look()
	case "wait":
		for {
			if _, err := os.Stat(argument); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	case "sleep":
		d, _ := time.ParseDuration(argument)
		time.Sleep(d)
	default:
		panic("unknown action " + action)
	}
}

// look prints whose credentials the SDK finds and by how much the clock is
// shifted.
func look() {
	ctx := context.Background()
	sdk, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	found, err := sdk.Credentials.Retrieve(ctx)
	if err != nil {
		fmt.Println("saw:", err)
		return
	}
	shift, err := os.ReadFile(os.Getenv("LAMBDATEST_CLOCK"))
	if err != nil {
		panic(err)
	}
	fmt.Printf("saw: %s %s\n", found.AccessKeyID, shift)
}

// hang blocks, and ignores SIGTERM.
func hang() {
	signal.Ignore(syscall.SIGTERM)
	for {
		time.Sleep(time.Hour)
	}
}

func apiURL(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + path
}

// call makes a request and returns status, headers and body; a failure of the
// connection ends the actor.
func call(method, path string, header map[string]string, body string) (int, http.Header, string) {
	request, err := http.NewRequest(method, apiURL(path), strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println("lost:", err)
		if file := os.Getenv("SURVIVE"); file != "" {
			act("wait:" + file)
		}
		os.Exit(7)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(text)
}

func printEnvironment() {
	for _, pair := range os.Environ() {
		fmt.Println("env:", pair)
	}
}

func extensionMain(name string) {
	printEnvironment()
	steps := script(name)
	if steps.Has("child") {
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child:", child.Process.Pid)
	}
	act(steps.Get("before"))
	id := registerActor(name, steps)
	identified := map[string]string{
		"Lambda-Extension-Identifier":          id,
		"Lambda-Extension-Function-Error-Type": "Extension.Broken",
	}
	report := func(path string) {
		status, _, _ := call("POST", "/2020-01-01/extension/"+path, identified, `{"errorMessage":"no luck","errorType":"Broken"}`)
		fmt.Println("reported:", status)
		os.Exit(1)
	}
	if steps.Get("init") == "error" {
		report("init/error")
	}
	act(steps.Get("init"))
	for {
		_, _, body := call("GET", "/2020-01-01/extension/event/next", identified, "")
		fmt.Println("event:", body)
		var ev event
		if err := json.Unmarshal([]byte(body), &ev); err != nil {
			panic(err)
		}
		if ev.EventType == eventShutdown {
			act(steps.Get("shutdown"))
			fmt.Println("bye")
			return
		}
		if steps.Get("invoke") == "error" {
			report("exit/error")
		}
		act(steps.Get("invoke"))
	}
}

func registerActor(name string, steps url.Values) (id string) {
	if steps.Has("as") {
		name = steps.Get("as")
	}
	events := `["INVOKE","SHUTDOWN"]`
	if steps.Has("events") {
		events = steps.Get("events")
	}
	header := map[string]string{"Lambda-Extension-Name": name, "Lambda-Extension-Accept-Feature": steps.Get("accept")}
	status, answer, body := call("POST", "/2020-01-01/extension/register", header, `{"events":`+events+`}`)
	fmt.Println("register:", status, body)
	if status == http.StatusForbidden && steps.Has("again") {
		status, answer, body = call("POST", "/2020-01-01/extension/register", header, `{"events":`+steps.Get("again")+`}`)
		fmt.Println("register:", status, body)
	}
	if status != http.StatusOK {
		os.Exit(3)
	}
	return answer.Get("Lambda-Extension-Identifier")
}

func functionMain() {
	printEnvironment()
	steps := script(functionProcess)
	if steps.Has("aws") {
		lambda.StartWithOptions(awsHandler, lambda.WithEnableSIGTERM(func() { fmt.Println("handler of SIGTERM") }))
	}
	if steps.Has("internal") {
		status, _, body := call("POST", "/2020-01-01/extension/register",
			map[string]string{"Lambda-Extension-Name": "inside"}, `{"events":`+steps.Get("internal")+`}`)
		fmt.Println("register:", status, body)
	}
	if steps.Get("init") == "error" {
		status, _, _ := call("POST", "/2018-06-01/runtime/init/error",
			map[string]string{"Lambda-Runtime-Function-Error-Type": "Runtime.Broken"}, `{"errorMessage":"no module","errorType":"Broken"}`)
		fmt.Println("reported:", status)
		os.Exit(1)
	}
	act(steps.Get("init"))
	pollers, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	if err != nil {
		pollers = 1
	}
	room := newRoom()
	var polling sync.WaitGroup
	for range pollers {
		polling.Go(func() {
			for {
				serveOne(room)
			}
		})
	}
	polling.Wait()
}

// order is the payload that tells the function what to do.
type order struct {
	Do     string // an action, "error", "large", "print" or "meet:N"
	Silent bool   // do it after the response
}

func serveOne(room *room) {
	_, header, body := call("GET", "/2018-06-01/runtime/invocation/next", nil, "")
	id := header.Get("Lambda-Runtime-Aws-Request-Id")
	fmt.Println("invocation:", id, header.Get("Lambda-Runtime-Trace-Id"), header.Get("Lambda-Runtime-Invoked-Function-Arn"), header.Get("Lambda-Runtime-Deadline-Ms"))
	var o order
	if strings.HasPrefix(body, "{") { // anything else is only echoed
		json.Unmarshal([]byte(body), &o)
	}
	respond := func(kind, text string) {
		status, _, _ := call("POST", "/2018-06-01/runtime/invocation/"+id+"/"+kind, nil, text)
		fmt.Println("responded:", status)
	}
	if o.Silent {
		respond("response", body)
		act(o.Do)
		return
	}
	verb, argument, _ := strings.Cut(o.Do, ":")
	switch verb {
	case "error":
		respond("error", `{"errorMessage":"handler failed","errorType":"HandlerError"}`)
	case "large":
		respond("response", strings.Repeat("x", maxResponse+1))
	case "print": // leave with unfinished business on standard output
		fmt.Print(strings.Repeat("y", 1<<20), "\nlast words")
		os.Exit(0)
	case "meet":
		n, _ := strconv.Atoi(argument)
		room.enter(n)
		respond("response", `"met"`)
	default:
		act(o.Do)
		respond("response", body)
	}
}

// room holds everyone back until the expected number has come.
type room struct {
	mu      sync.Mutex
	present int
	full    chan struct{}
}

func newRoom() *room { return &room{full: make(chan struct{})} }

func (r *room) enter(n int) {
	r.mu.Lock()
	r.present++
	if r.present == n {
		close(r.full)
	}
	r.mu.Unlock()
	<-r.full
}

func awsHandler(_ context.Context, payload json.RawMessage) (any, error) {
	fmt.Println("aws-lambda-go got", string(payload))
	if bytes.Contains(payload, []byte("fail")) {
		return nil, errors.New("handler failed")
	}
	return map[string]json.RawMessage{"got": payload}, nil
}
