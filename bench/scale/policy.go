package scale

import "time"

// Policy is how an environment gets its secrets.
type Policy struct {
	Name string

	BatchAbove int           // secrets, for more than which there are batches; negative: never
	Slots      int           // calls at once
	Attempts   int           // of a call
	Pause      time.Duration // at most, after the first attempt; doubled with each
	PauseMost  time.Duration

	Backoff     time.Duration // at most, after the first failure; doubled with each
	BackoffMost time.Duration

	// Cached says that there is a cache between the function and the calls, with
	// Larder's rules, and the fields below count; while single calls are throttled,
	// more than half of the secrets go in batches. Without, all that is missing is
	// asked for again when the back-off has ended.
	Cached       bool
	Row          int           // failed calls after which a round makes no more
	BackoffLeast time.Duration // however the dice fall
	Requests     time.Duration // between two of them, each of which reads all secrets
	InitTimeout  time.Duration // after which the first one comes, whatever is missing

	Share      float64       // of the time since it was throttled first: the most of a back-off
	ShareLeast time.Duration // whatever that share is
}

// Larder's policy is that of the product's code: agent/config (connections,
// batches, the end of INIT), agent/awsapi (attempts, pauses, row), agent
// (back-off, places, reads), agent/secretsmanager (batches while single calls are
// throttled). How often a function is asked is an assumption.
var Larder = Policy{
	Name: "Larder", BatchAbove: 10, Slots: 16,
	Attempts: 3, Pause: 150 * time.Millisecond, PauseMost: 4 * time.Second,
	Backoff: 500 * time.Millisecond, BackoffMost: 2 * time.Second,
	Cached: true, Row: 8, BackoffLeast: 50 * time.Millisecond,
	Requests: 100 * time.Millisecond, InitTimeout: 2 * time.Second,
	Share: 1. / 64, ShareLeast: 100 * time.Millisecond,
}

// The others are what a client does that has nothing but the SDK's standard
// retries, with up to 2 and 4 s between its three attempts (aws-sdk-go-v2,
// aws/retry), and begins anew when they have failed.
var (
	BatchOnly   = standard("batches only", 0)
	SinglesOnly = standard("single calls only", -1)
)

func standard(name string, batchAbove int) Policy {
	return Policy{
		Name: name, BatchAbove: batchAbove, Slots: 8, Attempts: 3, Pause: 2 * time.Second, PauseMost: 20 * time.Second,
		Backoff: time.Second, BackoffMost: 30 * time.Second,
	}
}

// Policies returns what is compared.
func Policies() []Policy { return []Policy{BatchOnly, SinglesOnly, Larder} }
