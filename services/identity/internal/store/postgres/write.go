package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	dismissMembers = statements.Load("dismiss_members", "organization_id", "group_id", "directory_id", "revision", "kind", "message_id",
		"traceparent", "time")
	lockGroupsOfMember = statements.Load("lock_groups_of_member", "organization_id", "member_id")
	deleteMemberships  = statements.Load("delete_memberships", "time", "organization_id", "member_id")
)

func (s *Store) Create(ctx context.Context, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	switch r.Type {
	case store.User:
		return s.writeUser(ctx, createUser, r, 1, store.Created, cause)
	case store.Group:
		return s.createGroup(ctx, r, edits, cause)
	}
	return store.Written{}, store.NoTable(r.Type)
}

func (s *Store) Update(ctx context.Context, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	switch r.Type {
	case store.User:
		return s.writeUser(ctx, updateUser, r, r.Version+1, store.Updated, cause, r.DirectoryID, r.Version, false)
	case store.Group:
		return s.updateGroup(ctx, r, edits, cause)
	}
	return store.Written{}, store.NoTable(r.Type)
}

func (s *Store) Adopt(ctx context.Context, from string, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	switch r.Type {
	case store.User:
		return s.writeUser(ctx, updateUser, r, r.Version+1, store.Created, cause, from, r.Version, false)
	case store.Group:
		return s.adoptGroup(ctx, from, r, edits, cause)
	}
	return store.Written{}, store.NoTable(r.Type)
}

func (s *Store) Delete(ctx context.Context, scope store.Scope, t store.Type, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx) error {
		if err := lockGroupsOf(ctx, tx, scope.OrganizationID, id); err != nil {
			return err
		}
		version, err := pgdb.ReadOne(ctx, tx, dbtype.Value[int64], store.Missing(t, id), tables[t].version, scope.OrganizationID, scope.DirectoryID, id)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, version) {
			return store.ErrChanged
		}
		w.Version = version + 1
		w.Cursor, err = s.deleteResource(ctx, tx, scope, t, id, w.Version, cause)
		return err
	})
	return w, err
}

// deleteResource deletes a resource, its memberships too, with the change record. The resource is locked for deletion, and its
// groups are locked.
func (s *Store) deleteResource(ctx context.Context, tx pgx.Tx, scope store.Scope, t store.Type, id string, revision int64, cause store.Cause) (feed.Cursor, error) {
	if t == store.Group {
		if err := dismiss(ctx, tx, scope, id, revision, cause); err != nil {
			return feed.Cursor{}, err
		}
	}
	for _, d := range tables[t].delete {
		args := []any{scope.OrganizationID, id}
		if d.timed {
			args = append(args, dbtype.Time(&cause.Time))
		}
		if _, err := tx.Exec(ctx, d.statement, args...); err != nil {
			return feed.Cursor{}, err
		}
	}
	if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
		return feed.Cursor{}, err
	}
	return s.record(ctx, tx, scope, rows.Record{Type: t, ID: id, Revision: revision, Kind: store.Deleted}, cause)
}

// dismiss removes all members of a deleted group, with a record for each: a follower of the feed must check each of them, because
// its access may depend on the group.
func dismiss(ctx context.Context, tx pgx.Tx, scope store.Scope, groupID string, revision int64, cause store.Cause) error {
	_, err := tx.Exec(ctx, dismissMembers,
		scope.OrganizationID, groupID, scope.DirectoryID, revision, int(store.MemberRemoved),
		cause.MessageID, cause.Traceparent, dbtype.Time(&cause.Time))
	return err
}

// lockGroupsOf locks the groups that a member is in, before the member itself: edits of a group's members lock in the same
// order.
func lockGroupsOf(ctx context.Context, tx pgx.Tx, organizationID, memberID string) error {
	_, err := tx.Exec(ctx, lockGroupsOfMember, organizationID, memberID)
	return err
}

// leaveGroups removes a deleted resource from all its groups, and gives each group a new version. The record of the deletion
// stands for these changes.
func leaveGroups(ctx context.Context, tx pgx.Tx, organizationID, memberID string, cause store.Cause) error {
	_, err := tx.Exec(ctx, deleteMemberships, dbtype.Time(&cause.Time), organizationID, memberID)
	return err
}
