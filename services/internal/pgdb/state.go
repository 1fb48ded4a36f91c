package pgdb

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	// stateEvery is how often the server is asked whether it answers.
	stateEvery = 2 * time.Second
	// answerTime is how long the server may take to answer.
	answerTime = 3 * time.Second
)

// state watches whether the server answers, and measures the connections of a pool.
type state struct {
	pool   *pgxpool.Pool
	schema string
	log    *slog.Logger
	up     atomic.Bool

	*watch
}

// watchState starts the watch of a pool that has just answered.
func watchState(pool *pgxpool.Pool, schema string, log *slog.Logger, meter metric.MeterProvider) (*state, error) {
	s := &state{pool: pool, schema: schema, log: log}
	s.up.Store(true)
	var err error
	if s.watch, err = watchEvery(stateEvery, s.check, meter, s.observe); err != nil {
		return nil, err
	}
	return s, nil
}

// observe reports the state and the connections when metrics are read.
func (s *state) observe(m metric.Meter) (metric.Registration, error) {
	up, err := m.Int64ObservableGauge("usher_database_up",
		metric.WithDescription("Whether the PostgreSQL server of this schema answers: 1 or 0. It is asked every 2 seconds."))
	if err != nil {
		return nil, err
	}
	connections, err := m.Int64ObservableGauge("usher_database_connections", metric.WithUnit("{connection}"),
		metric.WithDescription("Open connections of the pool, by state: used or idle."))
	if err != nil {
		return nil, err
	}
	most, err := m.Int64ObservableGauge("usher_database_max_connections", metric.WithUnit("{connection}"),
		metric.WithDescription("The greatest number of connections of the pool."))
	if err != nil {
		return nil, err
	}
	waits, err := m.Int64ObservableCounter("usher_database_waits_total", metric.WithUnit("{wait}"),
		metric.WithDescription("How often work waited for a connection, and then had one: all others were in use, or a new one was opened."))
	if err != nil {
		return nil, err
	}
	waited, err := m.Float64ObservableCounter("usher_database_wait_seconds_total", metric.WithUnit("s"),
		metric.WithDescription("How long work waited for a connection that it then had."))
	if err != nil {
		return nil, err
	}
	given, err := m.Int64ObservableCounter("usher_database_waits_ended_total", metric.WithUnit("{wait}"),
		metric.WithDescription("How often work ended, such as by its time limit, before it had a connection."))
	if err != nil {
		return nil, err
	}
	schema := attribute.String("schema", s.schema)
	of := metric.WithAttributeSet(attribute.NewSet(schema))
	used, idle := metric.WithAttributeSet(attribute.NewSet(schema, attribute.String("state", "used"))),
		metric.WithAttributeSet(attribute.NewSet(schema, attribute.String("state", "idle")))
	return m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		now := s.pool.Stat()
		answers := int64(0)
		if s.up.Load() {
			answers = 1
		}
		o.ObserveInt64(up, answers, of)
		o.ObserveInt64(connections, int64(now.AcquiredConns()), used)
		o.ObserveInt64(connections, int64(now.IdleConns()), idle)
		o.ObserveInt64(most, int64(now.MaxConns()), of)
		o.ObserveInt64(waits, now.EmptyAcquireCount(), of)
		o.ObserveFloat64(waited, now.EmptyAcquireWaitTime().Seconds(), of)
		o.ObserveInt64(given, now.CanceledAcquireCount(), of)
		return nil
	}, up, connections, most, waits, waited, given)
}

// check asks the server, and logs a change. A pool whose connections are all in use says nothing about the server.
func (s *state) check(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := s.pool.Acquire(asking)
	if err == nil {
		err = conn.Ping(asking)
		conn.Release()
	} else if now := s.pool.Stat(); now.AcquiredConns() == now.MaxConns() {
		return
	}
	if ctx.Err() != nil {
		return
	}
	if was := s.up.Swap(err == nil); was == (err == nil) {
		return
	}
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "the database does not answer", slog.String("schema", s.schema), slog.String("error", Reach(err).Error()))
		return
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "the database answers again", slog.String("schema", s.schema))
}
