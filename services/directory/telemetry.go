package directory

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
)

const (
	meterName      = "github.com/usher-scim/usher/services/directory"
	metricExpiring = "usher_directory_expiring_credentials"
	// countEvery is how often the database counts expiring credentials at most, however often metrics are read.
	countEvery = 5 * time.Minute
)

// expiring is the metric of keys and credentials that somebody should replace.
type expiring struct {
	core *core.Core

	mu      sync.Mutex
	counted time.Time
	counts  []store.Expiring
}

// observeExpiring reports expiring keys and credentials when metrics are read, until the registration ends.
func observeExpiring(provider metric.MeterProvider, c *core.Core) (metric.Registration, error) {
	meter := provider.Meter(meterName)
	gauge, err := meter.Int64ObservableGauge(metricExpiring, metric.WithDescription(
		"API keys and service credentials that expire soon (30d includes 7d) or have expired within a day, and that nothing replaces yet."))
	if err != nil {
		return nil, err
	}
	e := &expiring{core: c}
	return meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		counts, err := e.count(ctx)
		for _, n := range counts {
			for within, count := range map[string]int64{"30d": n.Early, "7d": n.Late, "expired_1d": n.Expired} {
				o.ObserveInt64(gauge, count, metric.WithAttributes(attribute.String("kind", n.Kind), attribute.String("within", within)))
			}
		}
		return err
	}, gauge)
}

func (e *expiring) count(ctx context.Context) ([]store.Expiring, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.core.Now(); e.counted.IsZero() || now.Sub(e.counted) >= countEvery {
		counts, err := e.core.Expiring(ctx)
		if err != nil {
			return nil, err
		}
		e.counts, e.counted = counts, now
	}
	return e.counts, nil
}
