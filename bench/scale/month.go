package scale

import (
	"math"
	"time"
)

const (
	month       = 30 * 24 * time.Hour
	callPrice   = 0.05 / 10_000 // USD (AWS Secrets Manager pricing)
	ttl         = 300 * time.Second
	lifetime    = 2 * time.Hour          // of an environment: an assumption
	handled     = 100 * time.Millisecond // by a handler: an assumption
	monthsReads = 5                      // secrets that each request reads
)

// StoragePrice is what a secret costs a month, however it is read, in USD.
const StoragePrice = 0.40

// Cost is a month of a function's calls.
type Cost struct {
	Name    string
	Calls   float64
	Dollars float64
}

// Month is what a month of a function with so many requests a second costs, each
// of which reads five secrets: without a cache; with the rules of AWS's extension,
// which asks for each secret by itself when it is first read and when it is read
// after its TTL; and with Larder's, which prefetches five secrets by five calls and
// refreshes what has been read, at 85 % of the TTL on average. Environments
// are as many as requests are handled at a time.
func Month(rate float64) []Cost {
	environments := math.Max(1, rate*handled.Seconds())
	starts := environments * float64(month) / float64(lifetime)
	perEnvironment := func(period time.Duration) float64 {
		// A secret is asked for again when a request comes after the period.
		apart := period.Seconds() + environments/rate
		return environments * month.Seconds() / apart
	}
	cost := func(name string, calls float64) Cost { return Cost{name, calls, calls * callPrice} }
	return []Cost{
		cost("without a cache", rate*month.Seconds()*monthsReads),
		cost("AWS's extension's rules", (starts+perEnvironment(ttl))*monthsReads),
		cost("Larder's", (starts+perEnvironment(ttl*17/20))*monthsReads),
	}
}
