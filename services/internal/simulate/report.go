package simulate

import (
	"sync"
	"time"
)

// Report is what a run did.
type Report struct {
	Requests int         `json:"requests"` // sent, including retries
	Retries  int         `json:"retries"`
	ByStatus map[int]int `json:"byStatus"` // responses by HTTP status; 0 is no response
	// Failures are the requests that failed for good, in no particular order. A later cycle may have corrected the effect.
	Failures []Failure `json:"failures"`
	// Unsettled counts the users and groups that are not in their expected state at the end.
	Unsettled int           `json:"unsettled"`
	Elapsed   time.Duration `json:"elapsedNanoseconds"`
	// Expectation is the expected state after all cycles.
	Expectation *Expectation `json:"expectation"`
}

// Failure is one request that the server refused or did not answer.
type Failure struct {
	Method    string `json:"method"`
	Path      string `json:"path"`                // below the Base URL, with the query
	Status    int    `json:"status"`              // of the last attempt; 0 is no response
	MessageID string `json:"messageId,omitempty"` // of the last attempt, from the header Usher-Message-Id
	Detail    string `json:"detail,omitempty"`    // the SCIM error's detail, or why there was no response
	Attempts  int    `json:"attempts"`
}

// Progress is the progress of a run.
type Progress struct {
	Cycle  int    // 0 is the initial cycle
	Cycles int    // number of incremental cycles
	Phase  string // "users", "managers" or "groups"
	Done   int    // resources of this phase
	Total  int
	// Requests is how many requests the whole run has sent.
	Requests int
}

// recorder collects a Report. It is safe for concurrent use.
type recorder struct {
	mu     sync.Mutex
	now    func() time.Time
	start  time.Time
	limit  int // of requests; 0 is no limit
	result Report
}

func newRecorder(now func() time.Time, limit int) *recorder {
	return &recorder{
		now: now, start: now(), limit: limit,
		result: Report{ByStatus: map[int]int{}, Failures: []Failure{}},
	}
}

// admit counts a request before it is sent, and refuses it beyond the limit.
func (r *recorder) admit(retry bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limit > 0 && r.result.Requests >= r.limit {
		return ErrStopped
	}
	r.result.Requests++
	if retry {
		r.result.Retries++
	}
	return nil
}

func (r *recorder) answered(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.ByStatus[status]++
}

func (r *recorder) failed(f Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Failures = append(r.result.Failures, f)
}

func (r *recorder) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.Requests
}

func (r *recorder) report(unsettled int, e *Expectation) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	result := r.result
	result.Unsettled, result.Expectation = unsettled, e
	result.Elapsed = r.now().Sub(r.start)
	return &result
}
