// Command run starts the example function beside the extension on a local
// Lambda, with secrets from a JSON file, invokes it once and prints what it
// answered and how long INIT took. No cloud and no container takes part.
//
//	run -extension bin/extensions/larder -function bin/example/bootstrap -secrets example/secrets.json
//
// With -keep it goes on until interrupted, and answers invocations from
// elsewhere, such as curl or `aws lambda invoke --endpoint-url`.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/larder-secrets/larder/extension/lambdatest"
)

func main() {
	extension := flag.String("extension", "bin/extensions/larder", "the extension's `binary`")
	function := flag.String("function", "bin/example/bootstrap", "the function's `binary`")
	secrets := flag.String("secrets", "example/secrets.json", "the secrets `file`")
	payload := flag.String("payload", `{"message": "hello"}`, "what the function is invoked with, as `JSON`")
	keep := flag.Bool("keep", false, "answer invocations until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *extension, *function, *secrets, *payload, *keep)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "run: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, extension, function, secrets, payload string, keep bool) error {
	secrets, err := filepath.Abs(secrets)
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	lambda, err := lambdatest.New(lambdatest.Config{
		Function:   []string{function},
		Extensions: []string{extension},
		Env: map[string]string{
			"LARDER_BACKEND": "file",
			"LARDER_FILE":    secrets,
			"LARDER_SECRETS": "signing-key",
			"LARDER_PORT":    port,
		},
		Output: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer lambda.Close()

	init, err := lambda.Init(ctx)
	if err != nil {
		return err
	}
	response, err := lambda.Invoke(ctx, []byte(payload))
	if err != nil {
		return err
	}
	fmt.Printf("response: %s\n", response.Payload)
	fmt.Printf("init: %.1f ms, invocation: %.1f ms\n", milliseconds(init.Duration), milliseconds(response.Duration))
	if response.FunctionError != "" {
		return fmt.Errorf("the function failed: %s", response.FunctionError)
	}
	if keep {
		fmt.Printf("invoke it with: curl -d '%s' %s/2015-03-31/functions/function/invocations\n", payload, lambda.URL())
		<-ctx.Done()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return lambda.Shutdown(ctx, "spindown")
}

// freePort keeps the example out of the way of an agent that is running on the
// usual port.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
