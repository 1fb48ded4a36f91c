package simulate

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// RetryPolicy is how the simulated IdP retries after no response, 429 and 5xx. The zero value means the defaults.
type RetryPolicy struct {
	Attempts  int           // including the first one: 0 means DefaultAttempts
	BaseDelay time.Duration // before the first retry, doubled for each further one: 0 means DefaultBaseDelay
	MaxDelay  time.Duration // the longest wait, also for Retry-After: 0 means DefaultMaxDelay
	// Wait waits for d, and returns false if the context ended first. nil means wait.Sleep.
	Wait func(ctx context.Context, d time.Duration) bool
	// Now returns the current time, for Retry-After dates and Report.Elapsed. nil means time.Now.
	Now func() time.Time
}

// Defaults of RetryPolicy.
const (
	DefaultAttempts  = 6
	DefaultBaseDelay = 500 * time.Millisecond
	DefaultMaxDelay  = 30 * time.Second
)

func (p RetryPolicy) validate() []error {
	var problems []error
	if p.Attempts < 0 {
		problems = append(problems, fmt.Errorf("retry attempts is %d: it can't be negative", p.Attempts))
	}
	if p.BaseDelay < 0 {
		problems = append(problems, fmt.Errorf("retry base delay is %s: it can't be negative", p.BaseDelay))
	}
	if p.MaxDelay < 0 {
		problems = append(problems, fmt.Errorf("retry max delay is %s: it can't be negative", p.MaxDelay))
	}
	return problems
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.Attempts == 0 {
		p.Attempts = DefaultAttempts
	}
	if p.BaseDelay == 0 {
		p.BaseDelay = DefaultBaseDelay
	}
	if p.MaxDelay == 0 {
		p.MaxDelay = DefaultMaxDelay
	}
	if p.Wait == nil {
		p.Wait = wait.Sleep
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return p
}

// delay is the wait after an attempt (from 1): the time that the server asks for, otherwise exponential.
func (p RetryPolicy) delay(attempt int, header http.Header) time.Duration {
	if d, ok := p.retryAfter(header); ok {
		return min(d, p.MaxDelay)
	}
	d := p.BaseDelay
	for range attempt - 1 {
		if d *= 2; d >= p.MaxDelay {
			return p.MaxDelay
		}
	}
	return min(d, p.MaxDelay)
}

// retryAfter parses the header of RFC 9110 §10.2.3: seconds or a date.
func (p RetryPolicy) retryAfter(header http.Header) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		if seconds > int(p.MaxDelay/time.Second) {
			return p.MaxDelay, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(p.Now())), true
	}
	return 0, false
}

// worthRetrying reports whether a status is a temporary failure.
func worthRetrying(status int) bool {
	return status == http.StatusTooManyRequests || status >= 500 && status != http.StatusNotImplemented
}
