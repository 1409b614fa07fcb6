package extension

import (
	"net/http"
	"testing"
)

// Lambda's address need not be one of loopback, which net/http never asks a
// proxy for.
func TestNoProxyIsEverAsked(t *testing.T) {
	if NewClient("169.254.100.1:9001", "larder").http.Transport.(*http.Transport).Proxy != nil {
		t.Error("the client asks the environment for a proxy")
	}
}
