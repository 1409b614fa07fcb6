package secretsmanager

import (
	"errors"
	"sync"

	"github.com/aws/smithy-go"

	"github.com/larder-secrets/larder/agent/awsapi"
)

// maxRow is after how many failed calls in a row, each with its retries, a Fetch
// makes no more of them: a service that is down is not asked for each of a
// thousand secrets.
const maxRow = 8

// row counts the calls of one Fetch that failed one after the other, by place.
type row struct {
	mu     sync.Mutex // guards all below
	failed map[place]int
	last   map[place]error
}

func newRow() *row { return &row{failed: map[place]int{}, last: map[place]error{}} }

// ended notes how a call at a place ended.
func (r *row) ended(at place, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !down(err) {
		r.failed[at] = 0
		return
	}
	r.failed[at]++
	r.last[at] = err
}

// over returns why there is no sense in another call; nil: there is.
func (r *row) over(at place) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed[at] < maxRow {
		return nil
	}
	return r.last[at]
}

// down reports whether err says that the service is, or that it is asked too
// often, and not that something is wrong with one secret's key.
func down(err error) bool {
	if err == nil {
		return false
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "KMSInternalException" {
		return false
	}
	return awsapi.Error(err, "", "").Kind.Outage()
}
