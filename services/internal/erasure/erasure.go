// Package erasure has a service erase the organizations that the directory service says are being erased. Erasing is
// repeated until the organization is gone: a service that was stopped goes on where it left off, and what came late, such as a
// failed event from a gateway's disk, is erased as well.
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
	// every is how often a service asks what to erase.
	every = time.Second
	// listGood is for how long a service acts on an answer. Then it asks again: the organization may be gone, and its id another
	// one's.
	listGood = 2 * time.Second
	// FreeAfter is how long the directory service waits at least, after the last confirmation, until an id is free. By then no
	// service acts on an answer from before, nor has a statement under way that it began then.
	FreeAfter = 5 * time.Second
)

// Erasure is one organization that is being erased. None of its keys lets anybody in any more.
type Erasure struct {
	OrganizationID string
	// Epoch and Revision are the place in the feed of directories after which nothing of the organization comes.
	Epoch    string
	Revision int64
	// Time is when its erasure was asked for.
	Time time.Time
}

// Keeper is what a service does to erase. Several processes of it may do so at once.
type Keeper struct {
	// Erase removes some of what the service keeps of an organization, in transactions that hold nobody up, and says whether
	// it looked at everything and found nothing. It is called until then, and again later.
	Erase func(ctx context.Context, e Erasure) (nothingLeft bool, err error)
	// Marked gives the organizations whose writes the service refuses, from its first Erase until Unmark, with when their erasure was
	// asked for. Both are nil for a service that refuses none.
	Marked func(ctx context.Context) (map[string]time.Time, error)
	// Unmark is called once every service has erased the organization: its id may be another organization's now. It must leave the mark
	// of an erasure that was asked for at another time.
	Unmark func(ctx context.Context, organizationID string, asked time.Time) error
}

// Follow erases what is to be erased until the context ends. directory is the connection to the directory service, as the
// service.
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
		if err != nil && !failing { // once, not each second
			f.log.WarnContext(ctx, "erasing organizations failed and is tried again", "error", err)
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

// round erases all that is to be erased now, and says whether it ended early, because what to erase must be asked again. One
// organization that fails does not keep it from the others.
func (f *follower) round(ctx context.Context) (more bool, err error) {
	// Marks come first: what is marked, and then not listed, is done with.
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
	// Unmarking does not wait for what may take long to erase: somebody may wait for the id.
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

// erase removes all of one organization, and says so to the directory service.
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
		return nil // another process of this service was faster, and was the last
	}
	if err == nil {
		f.log.InfoContext(ctx, "an organization is erased here", "organization", e.GetOrganizationId())
	}
	return err
}
