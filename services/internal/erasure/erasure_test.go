package erasure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDirectory lists erasures until they are confirmed.
type fakeDirectory struct {
	directoryv1.UnimplementedErasureServiceServer
	mu        sync.Mutex
	listed    []*directoryv1.Erasure
	confirmed []string
	err       error // the error of ConfirmErasure
}

func (d *fakeDirectory) ListErasures(context.Context, *directoryv1.ListErasuresRequest) (*directoryv1.ListErasuresResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &directoryv1.ListErasuresResponse{Erasures: d.listed, Epoch: "e1"}, nil
}

func (d *fakeDirectory) ConfirmErasure(_ context.Context, r *directoryv1.ConfirmErasureRequest) (*directoryv1.ConfirmErasureResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.confirmed = append(d.confirmed, r.GetOrganizationId())
	return &directoryv1.ConfirmErasureResponse{}, d.err
}

func (d *fakeDirectory) confirmations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.confirmed)
}

// record records the calls of a keeper, in order.
type record struct {
	mu    sync.Mutex
	words []string
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.words = append(r.words, fmt.Sprintf(format, args...))
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.words, ", ")
}

// shortlyGood is enough for a call, which needs 25 ms to begin.
const shortlyGood = 300 * time.Millisecond

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func listed(ids ...string) (all []*directoryv1.Erasure) {
	for _, id := range ids {
		all = append(all, &directoryv1.Erasure{OrganizationId: id, Revision: 7, EraseTime: timestamppb.New(began)})
	}
	return all
}

// following is a follower of a fake directory service.
func following(t *testing.T, d *fakeDirectory, k Keeper) *follower {
	t.Helper()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	directoryv1.RegisterErasureServiceServer(channel, d)
	return &follower{
		directory: directoryv1.NewErasureServiceClient(channel.As(commonv1.Caller_CALLER_RULE)), keeper: k, log: slog.New(slog.DiscardHandler),
		listGood: time.Minute,
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func TestAnOrganizationIsErasedStepByStepThenConfirmed(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme", "other")}
	var did record
	left := map[string]int{"acme": 2}
	f := following(t, d, Keeper{Erase: func(_ context.Context, e Erasure) (bool, error) {
		equal(t, "the place", fmt.Sprint(e.Epoch, e.Revision, e.Time), fmt.Sprint("e1", 7, began))
		did.add("%s %d", e.OrganizationID, left[e.OrganizationID])
		left[e.OrganizationID]--
		return left[e.OrganizationID] < 0, nil
	}})
	if _, err := f.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "steps", did.String(), "acme 2, acme 1, acme 0, other 0")
	equal(t, "confirmed", d.confirmations(), "[acme other]")

	// A confirmed organization is erased again, but not confirmed again.
	for _, e := range d.listed {
		e.Confirmed = true
	}
	if _, err := f.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "steps", did.String(), "acme 2, acme 1, acme 0, other 0, acme -1, other -1")
	equal(t, "confirmed", d.confirmations(), "[acme other]")
}

func TestAFailedErasureIsNotConfirmedAndDelaysNoOther(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme", "other")}
	f := following(t, d, Keeper{Erase: func(_ context.Context, e Erasure) (bool, error) {
		if e.OrganizationID == "acme" {
			return false, errors.New("the disk is full")
		}
		return true, nil
	}})
	if _, err := f.round(t.Context()); err == nil || !strings.Contains(err.Error(), "acme") {
		t.Errorf("the error %v does not name the organization", err)
	}
	equal(t, "confirmed", d.confirmations(), "[other]")
}

// A process that slept must not erase another organization that has the id by now.
func TestAnAnswerIsUsedForALimitedTime(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme")}
	erased := 0
	f := following(t, d, Keeper{Erase: func(ctx context.Context, _ Erasure) (bool, error) {
		if erased++; erased == 3 {
			<-ctx.Done()
			return false, ctx.Err()
		}
		return false, nil
	}})
	f.listGood = shortlyGood
	more, err := f.round(t.Context())
	if !more || err != nil {
		t.Errorf("the round says more: %v, error %v", more, err)
	}
	equal(t, "steps", erased, 3)
	equal(t, "confirmed", d.confirmations(), "[]")
}

func TestAnErasureThatEndsMeanwhileIsNoFailure(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme"), err: fault.New(fault.NotFound, "it is not being erased")}
	f := following(t, d, Keeper{Erase: func(context.Context, Erasure) (bool, error) { return true, nil }})
	if _, err := f.round(t.Context()); err != nil {
		t.Error(err)
	}
	d.err = fault.New(fault.Unavailable, "away")
	if _, err := f.round(t.Context()); err == nil {
		t.Error("a confirmation that failed is no error")
	}
}

func TestAMarkIsRemovedAfterItsErasureHasEnded(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme")}
	var did record
	marked := map[string]time.Time{"acme": began, "gone": began.Add(-time.Hour)}
	f := following(t, d, Keeper{
		Erase: func(ctx context.Context, e Erasure) (bool, error) {
			did.add("erase %s", e.OrganizationID)
			<-ctx.Done() // it takes longer than the answer may be used, and blocks nobody who needs the free id
			return false, ctx.Err()
		},
		Marked: func(context.Context) (map[string]time.Time, error) {
			// The marks that were read do not contain an erasure that begins later.
			did.add("read the marks")
			return marked, nil
		},
		Unmark: func(_ context.Context, id string, asked time.Time) error {
			did.add("unmark %s of %s", id, asked.Format(time.TimeOnly))
			return nil
		},
	})
	f.listGood = shortlyGood
	if _, err := f.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "what was done", did.String(), "read the marks, unmark gone of 02:04:05, erase acme")
}

// Of two processes of directory, one may report later that the erasure may begin.
func TestAPendingErasureHasNeitherBegunNorEnded(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme")}
	d.listed[0].Pending = true
	var did record
	f := following(t, d, Keeper{
		Erase: func(_ context.Context, e Erasure) (bool, error) {
			did.add("erase %s", e.OrganizationID)
			return true, nil
		},
		Marked: func(context.Context) (map[string]time.Time, error) { return map[string]time.Time{"acme": began}, nil },
		Unmark: func(_ context.Context, id string, _ time.Time) error {
			did.add("unmark %s", id)
			return nil
		},
	})
	if _, err := f.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "what was done", did.String(), "")
	equal(t, "confirmed", d.confirmations(), "[]")
}

func TestFollowingContinuesAfterFailuresAndLogsThemOnce(t *testing.T) {
	t.Parallel()
	d := &fakeDirectory{listed: listed("acme")}
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tries := 0
	f := following(t, d, Keeper{Erase: func(context.Context, Erasure) (bool, error) {
		switch tries++; {
		case tries < 3:
			return false, errors.New("the disk is full")
		case tries == 4:
			cancel()
		}
		return true, nil
	}})
	f.log = slog.New(slog.NewTextHandler(&out, nil))
	f.follow(ctx, time.Millisecond)
	equal(t, "tries", tries, 4)
	equal(t, "warnings", strings.Count(out.String(), "level=WARN"), 1)
	if len(d.confirmations()) == 0 {
		t.Error("it was not confirmed")
	}
}
