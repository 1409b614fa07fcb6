package client

import (
	"net/http"
	"testing"
)

func TestNoProxyIsEverAsked(t *testing.T) {
	if new(Client).transport().Transport.(*http.Transport).Proxy != nil {
		t.Error("the client asks the environment for a proxy")
	}
}
