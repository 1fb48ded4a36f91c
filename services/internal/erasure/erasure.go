// Package erasure has a service erase the organizations that the directory service says are being erased. Erasing is
// repeated until the organization is gone: a service that was stopped goes on where it left off, and what came late, such as a
// failed event from a gateway's disk, is erased as well.
package erasure

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// every is how often a service asks what to erase.
const every = time.Second

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
	// Marked lists the organizations whose writes the service refuses, from its first Erase until Unmark. Both are nil for one
	// that refuses none.
	Marked func(ctx context.Context) (organizationIDs []string, err error)
	// Unmark is called once every service has erased the organization: its id may be another organization's now.
	Unmark func(ctx context.Context, organizationID string) error
}

// Follow erases what is to be erased until the context ends. directory is the connection to the directory service, as the
// service.
func Follow(ctx context.Context, directory grpc.ClientConnInterface, k Keeper, log *slog.Logger) {
	f := follower{directory: directoryv1.NewErasureServiceClient(directory), keeper: k, log: log}
	f.follow(ctx, every)
}

type follower struct {
	directory directoryv1.ErasureServiceClient
	keeper    Keeper
	log       *slog.Logger
}

func (f *follower) follow(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		err := f.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing { // once, not each second
			f.log.WarnContext(ctx, "erasing organizations failed and is tried again", "error", err)
		}
		failing = err != nil
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// round erases all that is to be erased now. One organization that fails does not keep it from the others.
func (f *follower) round(ctx context.Context) error {
	// Marks come first: what is marked, and then not listed, is done with.
	var marked []string
	if f.keeper.Marked != nil {
		var err error
		if marked, err = f.keeper.Marked(ctx); err != nil {
			return fmt.Errorf("reading the marks: %w", err)
		}
	}
	list, err := f.directory.ListErasures(ctx, &directoryv1.ListErasuresRequest{})
	if err != nil {
		return fmt.Errorf("asking what to erase: %w", err)
	}
	var failed error
	for _, e := range list.GetErasures() {
		marked = slices.DeleteFunc(marked, func(id string) bool { return id == e.GetOrganizationId() })
		if err := f.erase(ctx, list.GetEpoch(), e); err != nil {
			failed = fmt.Errorf("organization %s: %w", e.GetOrganizationId(), err)
		}
	}
	for _, id := range marked {
		if err := f.keeper.Unmark(ctx, id); err != nil {
			failed = fmt.Errorf("organization %s: %w", id, err)
		}
	}
	return failed
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
