package server

import (
	"context"
	"strconv"
	"strings"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func (s *Server) ListAccessChanges(ctx context.Context, r *rulev1.ListAccessChangesRequest) (*rulev1.ListAccessChangesResponse, error) {
	of := store.ChangesOf{UserID: strings.ToLower(r.GetUserId()), SyncID: strings.ToLower(r.GetSyncId())}
	list := []string{"ListAccessChanges", r.GetOrganizationId(), of.UserID, of.SyncID}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	var before int64
	if after[0] != "" {
		if before, err = strconv.ParseInt(after[0], 10, 64); err != nil || before < 1 {
			return nil, fault.New(fault.PageToken, "page_token is not from this list with these filters")
		}
	}
	size := page.Size(r.GetPageSize())
	found, err := s.core.AccessChanges(ctx, r.GetOrganizationId(), of, before, size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListAccessChangesResponse{Changes: each(found, func(c store.Change) *rulev1.AccessChange {
		change := changeProto(r.GetOrganizationId(), c)
		change.Cursor = "" // this list is not the feed
		return change
	})}
	if more {
		response.NextPageToken = page.Token([]string{strconv.FormatInt(found[len(found)-1].Revision, 10)}, list...)
	}
	return response, nil
}
