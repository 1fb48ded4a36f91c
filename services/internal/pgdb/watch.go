package pgdb

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/internal/wait"
)

// watch looks at something in the background, and reports it when metrics are read.
type watch struct {
	observed metric.Registration // nil without a meter
	cancel   context.CancelFunc
	ended    chan struct{}
}

// watchEvery starts a watch. observe registers what is reported; it is not called without a meter. Close the watch before the pool.
func watchEvery(interval time.Duration, check func(context.Context), meter metric.MeterProvider, observe func(metric.Meter) (metric.Registration, error)) (*watch, error) {
	w := &watch{ended: make(chan struct{})}
	if meter != nil {
		var err error
		if w.observed, err = observe(meter.Meter("github.com/usher-scim/usher/services/internal/pgdb")); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() {
		defer close(w.ended)
		for wait.Sleep(ctx, interval) {
			check(ctx)
		}
	}()
	return w, nil
}

func (w *watch) close() {
	w.cancel()
	<-w.ended
	if w.observed != nil {
		_ = w.observed.Unregister() // it fails if it was never registered
	}
}
