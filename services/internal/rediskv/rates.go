package rediskv

import (
	"context"
	"math"
	"time"

	"github.com/go-redis/redis_rate/v10"
)

// Rates counts messages of directories, whichever process they come to.
type Rates struct{ client *Client }

// Rates gives those that are counted in this Redis.
func (c *Client) Rates() Rates { return Rates{c} }

// Take counts a message of a directory that may send perSecond a second on average, and burst at once. When it is one too
// many it says how long to wait. The error is that Redis cannot tell now.
func (r Rates) Take(ctx context.Context, directory string, perSecond float64, burst int) (wait time.Duration, ok bool, err error) {
	// One in so much time, and not so many in a second: a rate need not be a whole number.
	period := min(max(1, float64(time.Second)/perSecond), math.MaxInt64/2) // which is 146 years
	limit := redis_rate.Limit{Rate: 1, Period: time.Duration(period), Burst: burst}
	err = r.client.do(ctx, func(ctx context.Context) error {
		result, err := r.client.limiter.Allow(ctx, "usher:"+directory, limit)
		if err == nil {
			wait, ok = max(0, result.RetryAfter), result.Allowed > 0
		}
		return err
	})
	return wait, ok, err
}
