package agenttest_test

import (
	"net"
	"testing"

	"github.com/larder-secrets/larder/agent/agenttest"
)

func TestPortIsClaimedUntilTheTestEnds(t *testing.T) {
	var address string
	t.Run("a test", func(t *testing.T) {
		address = "127.0.0.1:" + agenttest.Port(t)
		if other, err := net.ListenPacket("udp", address); err == nil {
			other.Close()
			t.Error("another process could claim it")
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("a program cannot listen there: %v", err)
		}
		l.Close()
	})
	claim, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatalf("the claim outlives its test: %v", err)
	}
	claim.Close()
}
