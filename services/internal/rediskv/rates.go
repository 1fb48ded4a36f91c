package rediskv

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Rates counts messages of directories, whichever process they come to.
type Rates struct{ client *Client }

// Rates gives those that are counted in this Redis.
func (c *Client) Rates() Rates { return Rates{c} }

// errClock is the answer when Redis would have a directory wait for longer than any wait can be.
var errClock = errors.New("rates are counted by a clock of Redis that was set back")

// grain is 2^-20 s, and a rate is so many grains a message: then each sum that the script makes of seconds, in floating
// point, is exact. Otherwise it refuses some messages, by a hair, that are within the rate. It costs a rate of 100 a
// second 0.002 % and one of 10,000 a second 0.1 %.
const (
	grainsPerSecond = 1 << 20
	// grainsPerPeriod makes the period, which the script divides by it, a whole number of nanoseconds.
	grainsPerPeriod = 1 << 11
	grainPeriod     = time.Second / (grainsPerSecond / grainsPerPeriod)
	// slowest is one message a day.
	slowest = 24 * 60 * 60 * grainsPerSecond
)

// Take counts a message of a directory that may send perSecond a second on average, and burst at once; less than one a day
// counts as one a day. When it is one too many it says how long to wait. The error is that Redis cannot tell now.
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
