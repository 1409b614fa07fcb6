package lambdatest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// actorVariable turns the test binary into one of the processes under test.
// Which one is decided by the name it is started under.
const actorVariable = "LAMBDATEST_ACTOR"

func TestMain(m *testing.M) {
	if os.Getenv(actorVariable) != "" {
		if name := filepath.Base(os.Args[0]); name == "bootstrap" {
			functionMain()
		} else {
			extensionMain(name)
		}
		os.Exit(0)
	}
	// The tests wait for time limits rather than compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
