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

	"github.com/usher-scim/usher/services/internal/wait"
)

const (
	heldBackEvery = time.Second
	// heldBackLog is after how long a transaction is logged that holds a feed back.
	heldBackLog = 10 * time.Second
)

// heldBack watches for transactions, anywhere in the cluster, that hold a feed back: readers stay below the oldest one that
// is open. What it says is who to end.
type heldBack struct {
	pool   *pgxpool.Pool
	schema string
	log    *slog.Logger

	mu     sync.Mutex
	by     int64     // its transaction id; 0 while there is none
	pid    int64     // of the session that has it
	since  time.Time // it was met for the first time
	seen   time.Time // and for the last
	logged bool

	observed metric.Registration // nil without a meter
	cancel   context.CancelFunc
	ended    chan struct{}
}

// watchHeldBack starts it. Close it before the pool.
func watchHeldBack(pool *pgxpool.Pool, schema string, log *slog.Logger, meter metric.MeterProvider) (*heldBack, error) {
	ctx, cancel := context.WithCancel(context.Background())
	h := &heldBack{pool: pool, schema: schema, log: log, cancel: cancel, ended: make(chan struct{})}
	if meter != nil {
		if err := h.observe(meter); err != nil {
			cancel()
			return nil, err
		}
	}
	go func() {
		defer close(h.ended)
		for wait.Sleep(ctx, heldBackEvery) {
			h.look(ctx)
		}
	}()
	return h, nil
}

func (h *heldBack) observe(meter metric.MeterProvider) (err error) {
	m := meter.Meter("github.com/usher-scim/usher/services/internal/pgdb")
	gauge, err := m.Float64ObservableGauge(h.schema+"_feed_held_back_seconds", metric.WithDescription(
		"For how long a transaction has been open that the feed's readers wait for; pid is its session on the PostgreSQL server."))
	if err != nil {
		return err
	}
	h.observed, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.by == 0 {
			o.ObserveFloat64(gauge, 0)
			return nil
		}
		o.ObserveFloat64(gauge, h.seen.Sub(h.since).Seconds(), metric.WithAttributes(attribute.Int64("pid", h.pid)))
		return nil
	}, gauge)
	return err
}

// look asks which transaction is the oldest. One that is met for the first time has held nothing back yet.
func (h *heldBack) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var oldest, pid int64
	// Transaction ids on locks are without their epoch. A prepared transaction has no session.
	err := h.pool.QueryRow(ctx, `SELECT x.oldest, coalesce(l.pid, 0) FROM
			(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest) x
		JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
			AND l.transactionid::text::bigint = x.oldest % 4294967296
		LIMIT 1`).Scan(&oldest, &pid)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil: // there is none, or the server can't be asked
		if h.logged {
			h.log.LogAttrs(ctx, slog.LevelInfo, "the feed is no longer held back", slog.String("schema", h.schema))
		}
		h.by, h.logged = 0, false
	case oldest != h.by:
		h.by, h.pid, h.since, h.logged = oldest, pid, time.Now(), false
		h.seen = h.since
	default:
		h.seen = time.Now()
		if h.logged || h.seen.Sub(h.since) < heldBackLog {
			return
		}
		h.logged = true
		h.log.LogAttrs(ctx, slog.LevelWarn, "a transaction holds the feed back: access lags until its session ends it",
			slog.String("schema", h.schema), slog.Int64("pid", h.pid), slog.String("for", fmt.Sprint(h.seen.Sub(h.since).Round(time.Second))))
	}
}

func (h *heldBack) close() {
	h.cancel()
	<-h.ended
	if h.observed != nil {
		_ = h.observed.Unregister() // it fails for who was never registered
	}
}
