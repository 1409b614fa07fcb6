// Package agenttest is what tests of backends are made of: the suite that every
// backend passes, servers on real sockets that note each call and fail on
// demand, and a local AWS.
//
//	func TestConformance(t *testing.T) {
//		store := newStore(t)
//		agenttest.Conformance(t, agenttest.Harness{
//			Scheme: "mine",
//			Source: mine.Source(mine.Config{Endpoint: store.URL}),
//			Put:    store.put,
//			Delete: store.delete,
//		})
//	}
//
// # Add a backend in five steps
//
//  1. Make a package beside agent/file. Its Source(Config) returns an
//     [agent.Source]; Open, which the first read calls, reads the configuration
//     and makes clients; Fetch does the rest. The comment on [agent.Backend] is
//     the contract.
//  2. Say in each [agent.Secret] what the store says: the value, a version that
//     changes with it, and as first alias the one reference that stays the
//     secret's own whatever it was asked for by.
//  3. Turn each failure into an [agent.Error]: its kind decides whether the cache
//     holds on to the last value, its action and hint are what a user gets to
//     read. Nothing of a value and nothing of the store's parse errors goes in.
//  4. Run [Conformance] against the real store, or the nearest to it that runs on
//     one machine. Test apart from it what only this store can do, and what only
//     a server that fails on demand can show: see [AWS] and [Fault].
//  5. Add a line with the scheme to the map of each main that is to link the
//     package, and the package to the rules of layer/architecture_test.go. Weigh
//     what it adds to a cold start first.
//
// It is not for use outside tests: it imports package testing.
package agenttest
