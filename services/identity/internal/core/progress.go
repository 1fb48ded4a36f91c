package core

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// Bounds of the users whose attributes are inspected.
const (
	sampledUsers = 20
	sampledBytes = 1 << 20 // of documents; the last one may exceed it
)

// expectedAttributes lists the attributes that an IdP usually sends. The contract names them, too.
func expectedAttributes() []string {
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"
	return []string{
		"userName", "externalId", "active", "displayName", "name.givenName", "name.familyName", "emails", "title", "roles",
		enterprise + "employeeNumber", enterprise + "department", enterprise + "manager",
	}
}

// Progress returns the progress of an open or closed directory, and how many of its newest users have each expected attribute. It waits
// briefly for a new directory.
func (c *Core) Progress(ctx context.Context, scope store.Scope) (*identityv1.GetDirectoryProgressResponse, error) {
	_, err := c.directory(ctx, scope)
	closed := fault.Is(err, fault.Deleted)
	if err != nil && !closed {
		return nil, err
	}
	counts, err := c.MessageCounts(ctx, scope)
	if err != nil {
		return nil, err
	}
	total := store.Totals{DirectoryID: scope.DirectoryID}
	for _, count := range counts {
		switch count.Kind {
		case store.Quirk:
			total.Quirks++
		case store.Ignored:
			total.Ignored++
		}
	}
	if !closed {
		if total.Users, err = c.store.Count(ctx, scope, store.User); err != nil {
			return nil, err
		}
		if total.Groups, err = c.store.Count(ctx, scope, store.Group); err != nil {
			return nil, err
		}
	}
	response := &identityv1.GetDirectoryProgressResponse{Progress: progress(total, counts)}
	response.Attributes, response.SampledUserCount, err = c.sample(ctx, scope)
	return response, err
}

// sample counts the newest users of a directory that have each expected attribute.
func (c *Core) sample(ctx context.Context, scope store.Scope) (attributes []*identityv1.ExpectedAttribute, sampled int32, err error) {
	var present []string
	for _, path := range expectedAttributes() {
		attributes = append(attributes, &identityv1.ExpectedAttribute{Path: path})
		present = append(present, path+" pr")
	}
	d, err := c.newDocuments(present)
	if err != nil {
		return nil, 0, err
	}
	l := &lister{core: c, scope: scope, of: store.User, room: room{reservation: c.config.Lists.Open(scope.DirectoryID)}}
	defer l.room.reservation.Close()
	newest, err := l.steps(sampledUsers, sampledBytes, func(after []store.Resource, count, bytes int) ([]store.Resource, error) {
		return c.store.Page(ctx, scope, store.User, store.Order{Descending: true}, int64(len(after)), int64(count), bytes)
	})
	if err != nil {
		return nil, 0, err
	}
	for _, u := range newest {
		sampled++
		_, has, err := d.read(ctx, store.Facts{Resource: u})
		if err != nil {
			return nil, 0, err
		}
		for _, i := range has {
			attributes[i].UserCount++
		}
	}
	return attributes, sampled, nil
}

// ListProgress lists the progress of the open directories of an organization, by id, after an id, at most limit.
func (c *Core) ListProgress(ctx context.Context, organizationID, after string, limit int) ([]*identityv1.DirectoryProgress, error) {
	_ = c.FlushMessageCounts(ctx) // without it, the answer is some seconds older
	totals, err := c.store.Totals(ctx, organizationID, after, limit)
	if err != nil || len(totals) == 0 {
		return nil, err
	}
	ids := make([]string, len(totals))
	for i, t := range totals {
		ids[i] = t.DirectoryID
	}
	counts, err := c.store.Milestones(ctx, organizationID, ids)
	if err != nil {
		return nil, err
	}
	all := make([]*identityv1.DirectoryProgress, len(totals))
	for i, t := range totals {
		own := 0
		for own < len(counts) && counts[own].DirectoryID == t.DirectoryID {
			own++
		}
		all[i] = progress(t, counts[:own])
		counts = counts[own:]
	}
	return all, nil
}

// progress returns the progress of a directory from its counts, of which only the milestones matter.
func progress(t store.Totals, counts []store.MessageCount) *identityv1.DirectoryProgress {
	p := &identityv1.DirectoryProgress{
		DirectoryId: t.DirectoryID, UserCount: t.Users, GroupCount: t.Groups, QuirkCount: t.Quirks, IgnoredValueCount: t.Ignored,
	}
	for _, count := range counts {
		if count.Kind != store.Milestone {
			continue
		}
		m := &identityv1.Milestone{
			Kind:      identityv1.MilestoneKind(identityv1.MilestoneKind_value[count.Name]),
			FirstTime: timestamppb.New(count.FirstTime), LastTime: timestamppb.New(count.LastTime),
			MessageCount: count.Messages, LastMessageId: count.LastMessageID,
		}
		if m.GetKind() == identityv1.MilestoneKind_MILESTONE_KIND_MESSAGE {
			m.MessageCount = 0 // not each message was counted
		}
		p.Milestones = append(p.Milestones, m)
	}
	slices.SortFunc(p.Milestones, func(a, b *identityv1.Milestone) int { return int(a.GetKind() - b.GetKind()) })
	return p
}
