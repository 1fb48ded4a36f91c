package pgdb

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	delayEvery = time.Second
	// delayLog is how long a transaction may delay a feed before that is logged.
	delayLog = 10 * time.Second
)

// delays watches for transactions, anywhere in the cluster, that delay a feed: readers stay below the oldest open one. It reports the
// session to end.
type delays struct {
	pool   *pgxpool.Pool
	schema string
	log    *slog.Logger

	mu     sync.Mutex
	by     int64     // the oldest transaction's id; 0 if there is none
	pid    int64     // of that transaction's session
	since  time.Time // when it was first seen
	seen   time.Time // when it was last seen
	logged bool

	*watch
}

// watchDelays starts the watch.
func watchDelays(pool *pgxpool.Pool, schema string, log *slog.Logger, meter metric.MeterProvider) (*delays, error) {
	d := &delays{pool: pool, schema: schema, log: log}
	var err error
	if d.watch, err = watchEvery(delayEvery, d.check, meter, d.observe); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *delays) observe(m metric.Meter) (metric.Registration, error) {
	gauge, err := m.Float64ObservableGauge(d.schema+"_feed_held_back_seconds", metric.WithDescription(
		"How long the transaction that the feed's readers wait for has been open; pid is its session on the PostgreSQL server."))
	if err != nil {
		return nil, err
	}
	return m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.by == 0 {
			o.ObserveFloat64(gauge, 0)
			return nil
		}
		o.ObserveFloat64(gauge, d.seen.Sub(d.since).Seconds(), metric.WithAttributes(attribute.Int64("pid", d.pid)))
		return nil
	}, gauge)
}

// check reads the oldest transaction. A new one has delayed nothing yet.
func (d *delays) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var oldest, pid int64
	// Transaction ids of locks are without their epoch. A prepared transaction has no session.
	err := d.pool.QueryRow(ctx, `SELECT x.oldest, coalesce(l.pid, 0) FROM
			(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest) x
		JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
			AND l.transactionid::text::bigint = x.oldest % 4294967296
		LIMIT 1`).Scan(&oldest, &pid)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil: // there is none, or the server did not answer
		if d.logged {
			d.log.LogAttrs(ctx, slog.LevelInfo, "no open transaction delays the feed any more", slog.String("schema", d.schema))
		}
		d.by, d.logged = 0, false
	case oldest != d.by:
		d.by, d.pid, d.since, d.logged = oldest, pid, time.Now(), false
		d.seen = d.since
	default:
		d.seen = time.Now()
		if d.logged || d.seen.Sub(d.since) < delayLog {
			return
		}
		d.logged = true
		d.log.LogAttrs(ctx, slog.LevelWarn, "an open transaction delays the feed: access lags until its session ends the transaction",
			slog.String("schema", d.schema), slog.Int64("pid", d.pid), slog.String("for", fmt.Sprint(d.seen.Sub(d.since).Round(time.Second))))
	}
}
