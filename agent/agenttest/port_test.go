package agenttest_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"sync"
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

// TestPortIsFreeWhileProcessesStart: a process that is being started has all sockets
// of its parent until it runs its own program.
func TestPortIsFreeWhileProcessesStart(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			for ctx.Err() == nil {
				exec.Command(os.Args[0], "-test.run=^$").Run()
			}
		})
	}
	t.Run("a test", func(t *testing.T) {
		for range 1000 {
			l, err := net.Listen("tcp", "127.0.0.1:"+agenttest.Port(t))
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
		}
	})
	stop()
	starters.Wait()
}
