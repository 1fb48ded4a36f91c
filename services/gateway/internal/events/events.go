// Package events delivers every failed event to the failedevents service. It writes a failed event to the spool before the message is
// answered, delivers it in the background, and keeps it until the service has accepted it. It delivers tallies of messages in the same way.
package events

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/spool"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/wait"
)

// batch is how many failed events, or tallies, a call contains at most, by the contract.
const batch = 500

// The reasons why a failed event can be lost, as values of the metric's label.
const (
	lostFull       = "spool_full"
	lostDisk       = "spool_error"  // an error of the disk
	lostUnreadable = "unreadable"   // a record of the spool is not a request
	lostRefused    = "refused"      // the service says that the failed event, or the tally, violates the contract
	lostTorn       = "spool_damage" // bytes of the spool are not a whole record
)

// Retry defines how long to wait after a failed delivery.
type Retry struct {
	First time.Duration // doubles with each failure, up to Most
	Most  time.Duration
	Call  time.Duration // the time limit of one call
}

// Recorder accepts failed events and delivers them.
type Recorder struct {
	spool    *spool.Spool
	client   failedeventsv1.FailedEventRecordServiceClient
	metrics  *metrics.Metrics
	log      *slog.Logger
	retry    Retry
	failures int // in a row; only Run and the functions that it calls use it

	mu      sync.Mutex
	trouble string // why failed events are being lost now; empty if they are not
}

// New creates a recorder on an open spool. A zero Retry waits from 100 ms to 30 s, and limits a call to 10 s.
func New(s *spool.Spool, client failedeventsv1.FailedEventRecordServiceClient, m *metrics.Metrics, log *slog.Logger, retry Retry) *Recorder {
	if retry == (Retry{}) {
		retry = Retry{First: 100 * time.Millisecond, Most: 30 * time.Second, Call: 10 * time.Second}
	}
	r := &Recorder{spool: s, client: client, metrics: m, log: log, retry: retry}
	for _, why := range []string{lostFull, lostDisk, lostUnreadable, lostRefused, lostTorn} {
		r.lose(context.Background(), why, 0) // a counter that begins at 1 shows no increase
	}
	return r
}

// Record writes a failed event to the spool. When it returns, either the failed event survives a crash of this process, or its loss was
// counted and logged; the message is answered in both cases. ctx is for tracing; its end stops nothing.
func (r *Recorder) Record(ctx context.Context, event *failedeventsv1.FailedEvent) {
	record, err := proto.Marshal(&failedeventsv1.RecordFailedEventsRequest{FailedEvents: []*failedeventsv1.FailedEvent{event}})
	if err == nil {
		err = r.spool.Append(record)
	}
	switch {
	case err == nil:
		r.metrics.FailedEvents.Add(ctx, 1)
		r.troubled(ctx, "", nil)
	case errors.Is(err, spool.ErrFull):
		r.lose(ctx, lostFull, 1)
		r.troubled(ctx, lostFull, err)
	default:
		r.lose(ctx, lostDisk, 1)
		r.troubled(ctx, lostDisk, err)
	}
}

// RecordTallies writes tallies of messages to the spool, if failed events have enough room beside them. It returns how many of them, from
// the first, it has written.
func (r *Recorder) RecordTallies(tallies []*failedeventsv1.MessageTally) (written int, err error) {
	for some := range slices.Chunk(tallies, batch) {
		record, err := proto.Marshal(&failedeventsv1.RecordFailedEventsRequest{Tallies: some})
		if err == nil {
			err = r.spool.AppendMinor(record)
		}
		if err != nil {
			return written, err
		}
		written += len(some)
	}
	return written, nil
}

func (r *Recorder) lose(ctx context.Context, why string, count int) {
	r.metrics.FailedEventsDropped.Add(ctx, int64(count), metrics.Reason(why))
}

// troubled logs when losses of failed events begin, end or change their reason, instead of each loss.
func (r *Recorder) troubled(ctx context.Context, why string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why == r.trouble {
		return
	}
	r.trouble = why
	if why == "" {
		r.log.InfoContext(ctx, "failed events are stored again")
		return
	}
	r.log.ErrorContext(ctx, "failed events are being lost", slog.String("reason", why), slog.String("error", err.Error()))
}

// Run delivers until its context ends.
func (r *Recorder) Run(ctx context.Context) {
	for ctx.Err() == nil {
		added := r.spool.Added()
		segment, ok, err := r.spool.Oldest()
		switch {
		case errors.Is(err, spool.ErrClosed):
			return
		case err != nil:
			r.log.ErrorContext(ctx, "the spool of failed events cannot be read", slog.String("error", err.Error()))
			r.backOff(ctx)
		case !ok:
			select {
			case <-added:
			case <-ctx.Done():
			}
		default:
			r.deliver(ctx, segment)
		}
	}
}

// deliver sends a segment, retrying as often as necessary, and removes it.
func (r *Recorder) deliver(ctx context.Context, segment spool.Segment) {
	if segment.Torn > 0 {
		// A crash during the write of a record leaves such bytes; no caller was told that this record was stored. If the bytes are real
		// damage, this is where to see it.
		r.lose(ctx, lostTorn, 1)
		r.log.WarnContext(ctx, "a segment of the spool ends in bytes that are not a record",
			slog.Int64("segment", segment.Number), slog.Int64("bytes", segment.Torn))
	}
	items := r.read(ctx, segment.Records)
	for len(items) > 0 {
		some := items[:min(batch, len(items))]
		if err := r.send(ctx, some); err != nil {
			if ctx.Err() != nil {
				return
			}
			if r.failures == 0 {
				r.log.WarnContext(ctx, "failed events cannot be delivered; they wait in the spool",
					slog.String("error", err.Error()))
			}
			r.backOff(ctx)
			continue
		}
		if r.failures > 0 {
			r.log.InfoContext(ctx, "failed events are delivered again")
		}
		r.failures = 0
		items = items[len(some):]
	}
	// Try once even after the context has ended: a segment that was delivered need not be sent again after the next start.
	for {
		err := r.spool.Remove(segment.Number)
		if err == nil {
			return
		}
		r.log.ErrorContext(ctx, "a delivered segment of the spool cannot be deleted", slog.String("error", err.Error()))
		r.backOff(ctx)
		if ctx.Err() != nil {
			return
		}
	}
}

// read returns the failed events and the tallies in the records. Of a tally that was written again, it returns only the newest: the others
// are parts of it.
func (r *Recorder) read(ctx context.Context, records [][]byte) (items []proto.Message) {
	places := map[string]int{} // of tallies in items
	for _, record := range records {
		request := &failedeventsv1.RecordFailedEventsRequest{}
		if err := proto.Unmarshal(record, request); err != nil {
			r.lose(ctx, lostUnreadable, 1)
			continue
		}
		for _, event := range request.GetFailedEvents() {
			items = append(items, event)
		}
		for _, tally := range request.GetTallies() {
			if place, known := places[tally.GetId()]; known {
				items[place] = tally
				continue
			}
			places[tally.GetId()] = len(items)
			items = append(items, tally)
		}
	}
	return items
}

// send sends failed events and tallies. If the service will never accept one of them, only this one is lost, because it must not delay the
// others.
func (r *Recorder) send(ctx context.Context, items []proto.Message) error {
	request := &failedeventsv1.RecordFailedEventsRequest{}
	for _, item := range items {
		switch item := item.(type) {
		case *failedeventsv1.FailedEvent:
			request.FailedEvents = append(request.FailedEvents, item)
		case *failedeventsv1.MessageTally:
			request.Tallies = append(request.Tallies, item)
		}
	}
	call, cancel := context.WithTimeout(ctx, r.retry.Call)
	_, err := r.client.RecordFailedEvents(call, request)
	cancel()
	if err == nil {
		r.metrics.FailedEventsDelivered.Add(ctx, int64(len(request.GetFailedEvents())))
		return nil
	}
	if f := rpc.Fault(err); f.Reason != fault.InvalidRequest && f.Reason != fault.Limit {
		return err
	}
	if len(items) == 1 {
		r.refused(ctx, request, err)
		return nil
	}
	half := len(items) / 2
	if err := r.send(ctx, items[:half]); err != nil {
		return err
	}
	return r.send(ctx, items[half:])
}

// refused notes that the failed event or the tally of a request is lost.
func (r *Recorder) refused(ctx context.Context, request *failedeventsv1.RecordFailedEventsRequest, err error) {
	for _, event := range request.GetFailedEvents() {
		r.lose(ctx, lostRefused, 1)
		r.log.ErrorContext(ctx, "a failed event was refused", slog.String("event", event.GetId()), slog.String("error", err.Error()))
	}
	for _, tally := range request.GetTallies() {
		r.metrics.TalliesDropped.Add(ctx, 1, metrics.Reason(lostRefused))
		r.log.ErrorContext(ctx, "a tally of messages was refused", slog.String("tally", tally.GetId()), slog.String("error", err.Error()))
	}
}

// backOff waits, longer after each failure in a row.
func (r *Recorder) backOff(ctx context.Context) {
	r.failures++
	wait.Sleep(ctx, wait.Backoff(r.retry.First, r.retry.Most, r.failures))
}
