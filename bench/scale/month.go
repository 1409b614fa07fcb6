package scale

import (
	"math"
	"time"
)

const (
	month     = 30 * 24 * time.Hour
	callPrice = 0.05 / 10_000 // USD (AWS Secrets Manager pricing)
)

// StoragePrice is what a secret costs a month, however it is read, in USD.
const StoragePrice = 0.40

// Function is one whose calls are counted for a month.
type Function struct {
	Rate     float64       // requests a second
	Handled  time.Duration // by a handler, of one request
	Lifetime time.Duration // of an environment
	Secrets  int           // that each request reads
	TTL      time.Duration
}

// Cost is a month of a function's calls.
type Cost struct {
	Name    string
	Calls   float64
	Dollars float64
}

// Month is what a month costs a function with so many requests a second, each of
// which takes 100 ms and reads five secrets. That an environment lives for two
// hours is an assumption.
func Month(rate float64) []Cost {
	return Function{Rate: rate, Handled: 100 * time.Millisecond, Lifetime: 2 * time.Hour, Secrets: 5, TTL: 300 * time.Second}.Month()
}

// Month is what a month of f's calls costs: without a cache; with the rules of
// AWS's extension, where the first read of a secret, and the first after its TTL,
// is a call; and with Larder's, where the prefetch is, and a refresh of all
// secrets when the first of them is due, in batches where there are more than ten.
// The quotas are not felt. Requests come evenly, to as many environments as are at
// work at a time.
func (f Function) Month() []Cost {
	secrets := float64(f.Secrets)
	together := secrets // calls for all of them
	if f.Secrets > Larder.BatchAbove {
		together = math.Ceil(secrets / batchSize)
	}
	// Each secret is due after four fifths of the TTL and a random part of its next
	// tenth (agent, untilDue), and the first of n equal parts is at 1/(n+1).
	due := f.TTL.Seconds() * (.8 + .1/(secrets+1))
	cost := func(name string, calls float64) Cost { return Cost{name, calls, calls * callPrice} }
	return []Cost{
		cost("without a cache", f.Rate*month.Seconds()*secrets),
		cost("AWS's extension's rules", f.fetches(f.TTL.Seconds())*secrets),
		cost("Larder's", f.fetches(due)*together),
	}
}

// environments are as many as requests are handled at a time.
func (f Function) environments() float64 { return math.Max(1, f.Rate*f.Handled.Seconds()) }

// fetches is how often all environments together ask, where each asks when it
// starts and at the first request that comes more than period seconds after it
// last asked.
func (f Function) fetches(period float64) float64 {
	rate := f.Rate / f.environments() // of one
	apart := (math.Floor(period*rate) + 1) / rate
	lives := f.environments() * month.Seconds() / f.Lifetime.Seconds()
	return lives * (1 + math.Floor(f.Lifetime.Seconds()/apart))
}
