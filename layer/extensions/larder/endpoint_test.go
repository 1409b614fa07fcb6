package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
)

// TestEndpoints: which host is called follows from region, partition and AWS's
// own settings. A proxy, which AWS's variables for it lead to, sees the name and
// lets nothing through.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		env    []string
		secret string
		host   string
	}{
		{name: "a region", secret: "db", host: "secretsmanager.us-east-1.amazonaws.com:443"},
		{name: "FIPS", env: []string{"AWS_USE_FIPS_ENDPOINT", "true"}, secret: "db", host: "secretsmanager-fips.us-east-1.amazonaws.com:443"},
		{name: "another partition", env: []string{"AWS_REGION", "cn-north-1"}, secret: "db", host: "secretsmanager.cn-north-1.amazonaws.com.cn:443"},
		{name: "an ARN of another region", secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", host: "secretsmanager.eu-west-1.amazonaws.com:443"},
		{name: "an ARN of another partition", env: []string{"AWS_REGION", "us-gov-west-1"}, secret: "arn:aws-us-gov:secretsmanager:us-gov-east-1:123456789012:secret:db-AbCdEf", host: "secretsmanager.us-gov-east-1.amazonaws.com:443"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 100)
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Method + " " + r.Host
				w.WriteHeader(http.StatusForbidden)
			}))
			defer proxy.Close()
			env := with(agenttest.Environment(""), "HTTPS_PROXY", proxy.URL, "LARDER_SECRETS", test.secret, "LARDER_LOG_LEVEL", "none", "LARDER_INIT_TIMEOUT", "0")
			delete(env, "AWS_ENDPOINT_URL")
			start(t, with(env, test.env...), nil).init()
			select {
			case got := <-asked:
				if want := "CONNECT " + test.host; got != want {
					t.Errorf("the proxy was asked to %s, want %s", got, want)
				}
			case <-t.Context().Done():
				t.Error("the proxy was never asked")
			}
		})
	}
}
