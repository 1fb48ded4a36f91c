package rediskv

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Rates counts messages of directories, over all processes.
type Rates struct{ client *Client }

// Rates returns the counts in this Redis.
func (c *Client) Rates() Rates { return Rates{c} }

// errClock is the error if Redis would make a directory wait for longer than any correct wait.
var errClock = errors.New("the clock of Redis, which counts rates, was set back")

// grain is 2^-20 s, and a rate is a whole number of grains for each message. So all sums of seconds in the script are exact in floating
// point. Otherwise it would wrongly refuse some messages within the rate. This rounds a rate of 100 a second by 0.002 %, and one
// of 10,000 a second by 0.1 %.
const (
	grainsPerSecond = 1 << 20
	// grainsPerPeriod makes the period, which the script divides by it, a whole number of nanoseconds.
	grainsPerPeriod = 1 << 11
	grainPeriod     = time.Second / (grainsPerSecond / grainsPerPeriod)
	// slowest is one message a day.
	slowest = 24 * 60 * 60 * grainsPerSecond
)

// Take counts a message of a directory that may send perSecond a second on average, and burst at once. A rate below one a day counts
// as one a day. If the message is over the rate, ok is false and wait is how long to wait. It fails if Redis does not answer.
func (r Rates) Take(ctx context.Context, directory string, perSecond float64, burst int) (wait time.Duration, ok bool, err error) {
	grains := min(max(1, math.Round(grainsPerSecond/perSecond)), slowest)
	limit := redis_rate.Limit{Rate: grainsPerPeriod, Period: time.Duration(grains) * grainPeriod, Burst: burst}
	var result *redis_rate.Result
	err = r.client.do(ctx, func(ctx context.Context) (err error) {
		result, err = r.client.limiter.Allow(ctx, "usher:"+directory, limit)
		return err
	})
	switch longest := time.Duration(grains / grainsPerSecond * float64(time.Second)); {
	case err != nil:
		return 0, false, err
	case result.Allowed > 0:
		return 0, true, nil
	case result.RetryAfter > longest+time.Millisecond:
		return 0, false, errClock
	default:
		return result.RetryAfter, false, nil
	}
}
