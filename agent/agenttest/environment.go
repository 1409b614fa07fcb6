package agenttest

import (
	"os"
	"strings"
	"testing"
)

// Environment returns the variables with which AWS's libraries call the server
// at url and nothing else: no credentials of the user's, no instance metadata.
func Environment(url string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":            url,
		"AWS_REGION":                  Region,
		"AWS_ACCESS_KEY_ID":           "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":       "test-key-of-no-account",
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
}

// Setenv gives the test the [Environment] and takes all other variables of AWS's
// away.
func Setenv(t testing.TB, url string) { SetenvAll(t, Environment(url)) }

// SetenvAll is Setenv with variables of the test's own.
func SetenvAll(t testing.TB, env map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // which to AWS's libraries is as good as not set
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
}
