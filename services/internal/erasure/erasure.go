// Package erasure makes a service erase the organizations that the directory service reports as being erased. It repeats that until the
// organization is gone: so a service continues after a restart, and late data, such as a failed event from a gateway's disk, is erased
// as well.
package erasure

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// every is how often a service reads what it must erase.
	every = time.Second
	// listGood is how long a service acts on an answer. Then it asks again: the organization may be gone, and its id may mean another
	// organization.
	listGood = 2 * time.Second
	// FreeAfter is how long the directory service waits, after the last confirmation, before an id is free. By then no service acts on
	// an earlier answer, or still runs a statement because of it.
	FreeAfter = 5 * time.Second
)

// Erasure is an organization that is being erased. All its keys are invalid.
type Erasure struct {
	OrganizationID string
	// Epoch and Revision are the end of the organization's records in the feed of directories.
	Epoch    string
	Revision int64
	// Time is when the erasure was requested.
	Time time.Time
}

// Keeper contains the functions by which a service erases. Several processes of the service may call them at the same time.
type Keeper struct {
	// Erase erases some of the service's data of an organization, in transactions that delay nobody. It returns true if it checked
	// everything and found nothing. Follow calls it until then, and again later.
	Erase func(ctx context.Context, e Erasure) (nothingLeft bool, err error)
	// Marked returns the organizations that refuse writes in the service, from its first Erase until Unmark, and when each erasure was
	// requested. Marked and Unmark are nil for a service that refuses no writes.
	Marked func(ctx context.Context) (map[string]time.Time, error)
	// Unmark is called after every service has erased the organization. The id may mean another organization by then. It must ignore
	// an erasure that was requested at another time.
	Unmark func(ctx context.Context, organizationID string, asked time.Time) error
}

// Follow erases what must be erased until the context ends. directory is the service's connection to the directory service.
func Follow(ctx context.Context, directory grpc.ClientConnInterface, k Keeper, log *slog.Logger) {
	f := follower{directory: directoryv1.NewErasureServiceClient(directory), keeper: k, log: log, listGood: listGood}
	f.follow(ctx, every)
}

type follower struct {
	directory directoryv1.ErasureServiceClient
	keeper    Keeper
	log       *slog.Logger
	listGood  time.Duration
}

func (f *follower) follow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		more, err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing { // log the first of consecutive failures only
			f.log.WarnContext(ctx, "erasing organizations failed and is retried", "error", err)
		}
		failing = err != nil
		if more {
			continue
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// round erases everything that must be erased now. It returns true if it ended early, because it must read the list again. A failure
// of one organization does not prevent the others.
func (f *follower) round(ctx context.Context) (more bool, err error) {
	// Read the marks first: a marked organization that is not in the later list is finished.
	var marked map[string]time.Time
	if f.keeper.Marked != nil {
		if marked, err = f.keeper.Marked(ctx); err != nil {
			return false, fmt.Errorf("reading the marks: %w", err)
		}
	}
	good, cancel := context.WithTimeout(ctx, f.listGood)
	defer cancel()
	list, err := f.directory.ListErasures(good, &directoryv1.ListErasuresRequest{})
	if err != nil {
		return false, fmt.Errorf("asking what to erase: %w", err)
	}
	// Unmark before erasing, which may take long: somebody may wait for the id.
	var failed error
	for _, e := range list.GetErasures() {
		delete(marked, e.GetOrganizationId())
	}
	for id, asked := range marked {
		if err := f.keeper.Unmark(ctx, id, asked); err != nil {
			failed = fmt.Errorf("organization %s: %w", id, err)
		}
	}
	for _, e := range list.GetErasures() {
		if e.GetPending() {
			continue
		}
		err := f.erase(good, list.GetEpoch(), e)
		if good.Err() != nil {
			return true, failed
		}
		if err != nil {
			failed = fmt.Errorf("organization %s: %w", e.GetOrganizationId(), err)
		}
	}
	return false, failed
}

// erase erases everything of one organization, and confirms it to the directory service.
func (f *follower) erase(ctx context.Context, epoch string, e *directoryv1.Erasure) error {
	for {
		nothingLeft, err := f.keeper.Erase(ctx, Erasure{
			OrganizationID: e.GetOrganizationId(), Epoch: epoch, Revision: e.GetRevision(), Time: e.GetEraseTime().AsTime(),
		})
		if err != nil {
			return err
		}
		if nothingLeft {
			break
		}
	}
	if e.GetConfirmed() {
		return nil
	}
	_, err := f.directory.ConfirmErasure(ctx, &directoryv1.ConfirmErasureRequest{OrganizationId: e.GetOrganizationId()})
	if err != nil && rpc.Fault(err).Reason == fault.NotFound {
		return nil // another process of this service was faster, and was the last one
	}
	if err == nil {
		f.log.InfoContext(ctx, "an organization is erased here", "organization", e.GetOrganizationId())
	}
	return err
}
