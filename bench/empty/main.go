// Command empty is an extension that does nothing.
package main

import "github.com/larder-secrets/larder/bench/least"

func main() { least.Live("empty") }
