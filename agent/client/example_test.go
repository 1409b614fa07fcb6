package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/larder-secrets/larder/agent/client"
)

// agentFor stands in for the agent that Lambda or `larder serve` runs.
func agentFor(values map[string]string) (c *client.Client, stop func()) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, ok := values[r.FormValue("name")]
		if !ok {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":"ResourceNotFoundException","detail":"there is no such secret"}`)
			return
		}
		fmt.Fprint(w, value)
	}))
	address, _ := url.Parse(s.URL)
	env := map[string]string{"LARDER_PORT": address.Port(), "AWS_TOKEN": "token"}
	c = &client.Client{Getenv: func(name string) string { return env[name] }}
	return c, func() { c.Close(); s.Close() }
}

func ExampleRef_Value() {
	c, stop := agentFor(map[string]string{"my-api-key": "abc123"})
	defer stop()
	key, err := c.Secret("my-api-key").Value(context.Background())
	fmt.Println(len(key), err)
	// Output: 6 <nil>
}

func ExampleRef_ValueJSON() {
	c, stop := agentFor(map[string]string{"database": `{"user": "app", "port": 5432}`})
	defer stop()
	var database struct {
		User string
		Port int
	}
	err := c.Secret("database").ValueJSON(context.Background(), &database)
	fmt.Println(database.User, database.Port, err)
	// Output: app 5432 <nil>
}

func ExampleError() {
	c, stop := agentFor(nil)
	defer stop()
	_, err := c.Secret("my-api-key").Value(context.Background())
	fmt.Println(err)
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output:
	// secret "my-api-key": there is no such secret
	// true
}
