// Command clients reads a URL over and over through a client in Go and prints how
// long the reads took: through package client where LARDER_SECRET names a secret,
// through net/http otherwise.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/larder-secrets/larder/agent/client"
)

func main() {
	reads, _ := strconv.Atoi(os.Getenv("READS"))
	read := plainly
	if name := os.Getenv("LARDER_SECRET"); name != "" {
		secret := client.Secret(name)
		read = func() error {
			_, err := secret.Value(context.Background())
			return err
		}
	}
	took := make([]float64, 0, reads)
	for i := range reads + reads/10 {
		began := time.Now()
		if err := read(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if i >= reads/10 {
			took = append(took, time.Since(began).Seconds()*1e6)
		}
	}
	slices.Sort(took)
	json.NewEncoder(os.Stdout).Encode(map[string]float64{"p50": took[reads/2], "p99": took[reads*99/100], "p999": took[reads*999/1000]})
}

func plainly() error {
	req, err := http.NewRequest(http.MethodGet, os.Getenv("URL"), nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
