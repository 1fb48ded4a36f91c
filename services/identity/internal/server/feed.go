package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
)

func (s *Server) GetCursor(ctx context.Context, _ *identityv1.GetCursorRequest) (*identityv1.GetCursorResponse, error) {
	follow, newest, err := s.core.Cursor(ctx)
	if err != nil {
		return nil, err
	}
	return &identityv1.GetCursorResponse{Cursor: follow.String(), NewestCursor: newest.String()}, nil
}

const (
	defaultChanges = 500
	maxChanges     = 5000
)

func (s *Server) ListChanges(ctx context.Context, r *identityv1.ListChangesRequest) (*identityv1.ListChangesResponse, error) {
	after, err := feed.Parse(r.GetAfterCursor())
	if err != nil {
		return nil, err
	}
	size := min(int(r.GetPageSize()), maxChanges)
	if size == 0 {
		size = defaultChanges
	}
	changes, next, asOf, err := s.core.Changes(ctx, r.GetOrganizationId(), after, size)
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListChangesResponse{NextCursor: next.String(), More: len(changes) == size}
	if !response.GetMore() {
		response.AsOfTime = timestamppb.New(asOf)
	}
	for _, change := range changes {
		response.Changes = append(response.Changes, changeProto(change))
	}
	return response, nil
}

// bookmarkEvery is the longest time without a response to a watcher. The contract promises one second; the rest is time to read
// what to send.
const bookmarkEvery = 800 * time.Millisecond

func (s *Server) WatchActivity(r *identityv1.WatchActivityRequest, stream grpc.ServerStreamingServer[identityv1.WatchActivityResponse]) error {
	ctx := stream.Context()
	cursor, err := feed.Parse(r.GetAfterCursor())
	if err != nil {
		return err
	}
	bookmark := time.NewTicker(bookmarkEvery)
	defer bookmark.Stop()
	for due := true; ; {
		written := s.core.NewChanges()
		active, next, asOf, err := s.core.Active(ctx, cursor)
		if err != nil {
			return err
		}
		if len(active) > 0 || due {
			response := &identityv1.WatchActivityResponse{OrganizationIds: active, Cursor: next.String(), AsOfTime: timestamppb.New(asOf)}
			if err := stream.Send(response); err != nil {
				return err
			}
			bookmark.Reset(bookmarkEvery)
		}
		cursor, due = next, false
		select {
		case <-written:
		case <-bookmark.C:
			due = true
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return nil
		}
	}
}

func changeProto(c store.Change) *identityv1.Change {
	kinds := map[store.ChangeKind]identityv1.ChangeKind{
		store.Created:       identityv1.ChangeKind_CHANGE_KIND_CREATED,
		store.Updated:       identityv1.ChangeKind_CHANGE_KIND_UPDATED,
		store.Deleted:       identityv1.ChangeKind_CHANGE_KIND_DELETED,
		store.MemberAdded:   identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED,
		store.MemberRemoved: identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED,

		store.DirectoryClosed: identityv1.ChangeKind_CHANGE_KIND_DIRECTORY_CLOSED,
	}
	change := &identityv1.Change{
		Cursor: c.Cursor.String(), OrganizationId: c.OrganizationID, DirectoryId: c.DirectoryID,
		ResourceType: resourceType(c.Type), ResourceId: c.ResourceID, Revision: c.Revision, Kind: kinds[c.Kind],
		MemberId: c.MemberID, MessageId: c.MessageID, Traceparent: c.Traceparent, ChangeTime: timestamppb.New(c.Time),
	}
	if c.Kind == store.DirectoryClosed {
		change.ResourceType = identityv1.ResourceType_RESOURCE_TYPE_UNSPECIFIED
	}
	if c.MemberID != "" {
		change.MemberType = resourceType(c.MemberType)
	}
	return change
}

func resourceType(t store.Type) identityv1.ResourceType {
	if t == store.Group {
		return identityv1.ResourceType_RESOURCE_TYPE_GROUP
	}
	return identityv1.ResourceType_RESOURCE_TYPE_USER
}
