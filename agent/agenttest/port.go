package agenttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Port returns a TCP port at which a program that t starts can listen on
// loopback. It is below those that the system gives to connections, and no
// other call returns it before t ends, in this process or in another: UDP has
// ports of its own, and the one of the same number is kept as the claim.
func Port(t testing.TB) string {
	t.Helper()
	for range 10_000 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(10_000)))
		claim, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		// To listen there would tell more, and could keep the port taken: a process
		// that is being started has all sockets of its parent until it runs its own
		// program.
		if taken, err := net.Dial("tcp", address); err == nil {
			taken.Close()
			claim.Close()
			continue
		}
		t.Cleanup(func() { claim.Close() })
		_, port, _ := net.SplitHostPort(address)
		return port
	}
	t.Fatal("no port is free")
	return ""
}
