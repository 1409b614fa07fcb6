// Package least is the least that an extension in Go with net/http can be.
package least

import (
	"net/http"
	"os"
	"strings"
)

// Live registers under that name and asks for an event.
func Live(name string) {
	at := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	req, _ := http.NewRequest(http.MethodPost, at+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(1)
	}
	resp.Body.Close()
	req, _ = http.NewRequest(http.MethodGet, at+"event/next", nil)
	req.Header.Set("Lambda-Extension-Identifier", resp.Header.Get("Lambda-Extension-Identifier"))
	http.DefaultClient.Do(req)
}
