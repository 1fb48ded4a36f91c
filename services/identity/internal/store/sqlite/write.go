package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	recordDismissedMembers = statements.Load("record_dismissed_members", "directory_id", "revision", "kind", "message_id",
		"traceparent", "time", "organization_id", "group_id")
	deleteMembersOfGroup = statements.Load("delete_members_of_group", "organization_id", "group_id")
	touchGroupsOfMember  = statements.Load("touch_groups_of_member", "time", "organization_id", "member_id")
	deleteMemberships    = statements.Load("delete_memberships", "organization_id", "member_id")
)

func (s *Store) Create(ctx context.Context, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	r.Version = 0
	return s.writeResource(ctx, "", r, store.Created, edits, cause)
}

func (s *Store) Update(ctx context.Context, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	if r.Type == store.Group {
		return s.updateGroup(ctx, r, edits, cause)
	}
	return s.writeResource(ctx, r.DirectoryID, r, store.Updated, edits, cause)
}

func (s *Store) UpdateDetached(ctx context.Context, u store.Resource, cause store.Cause) (w store.Written, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		d, err := directory(ctx, tx, u.Scope)
		if err == nil && !d.Closed || fault.Is(err, fault.NotFound) {
			return store.NotDetached(u.ID)
		}
		if err != nil {
			return err
		}
		if err := uniqueUser(ctx, tx, d, u); err != nil {
			return err
		}
		if err := changeUser(ctx, tx, u.DirectoryID, u, dbtype.Time(&cause.Time)); err != nil {
			return err
		}
		w = store.Written{Version: u.Version + 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, u.Scope, rows.Record{Type: store.User, ID: u.ID, Revision: w.Version, Kind: store.Updated}, cause)
		return err
	})
	if err == nil {
		s.newChanges.Notify()
	}
	return w, err
}

func (s *Store) Adopt(ctx context.Context, from string, r store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	return s.writeResource(ctx, from, r, store.Created, edits, cause)
}

// writeResource writes a whole resource, and then edits the members of a group. The resource is in the directory from, which it keeps
// or leaves. It is a new resource if from is empty.
func (s *Store) writeResource(ctx context.Context, from string, r store.Resource, kind store.ChangeKind, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	t := tables[r.Type]
	if t == nil {
		return w, store.NoTable(r.Type)
	}
	err = s.write(ctx, r.Scope, func(ctx context.Context, tx *sqlitedb.Tx, d store.Directory) error {
		err := t.unique(ctx, tx, d, r)
		if err != nil {
			return err
		}
		if from == "" {
			err = t.insert(ctx, tx, r, dbtype.Time(&cause.Time))
		} else {
			err = t.update(ctx, tx, from, r, dbtype.Time(&cause.Time))
		}
		if err != nil {
			return err
		}
		w = store.Written{Version: r.Version + 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, r.Scope, rows.Record{Type: r.Type, ID: r.ID, Revision: w.Version, Kind: kind}, cause)
		if err != nil || len(edits) == 0 {
			return err
		}
		e := &editor{scope: r.Scope, groupID: r.ID, revision: w.Version, cause: cause, last: w.Cursor}
		err = s.edit(ctx, tx, e, edits)
		w.Cursor = e.last
		return err
	})
	return w, err
}

func (s *Store) Delete(ctx context.Context, scope store.Scope, t store.Type, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(ctx context.Context, tx *sqlitedb.Tx, _ store.Directory) error {
		version, err := sqlitedb.ReadOne(ctx, tx, dbtype.Value[int64], nil, tables[t].version, scope.OrganizationID, scope.DirectoryID, id)
		if errors.Is(err, sql.ErrNoRows) {
			return store.Missing(t, id)
		}
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

// deleteResource deletes an existing resource, its memberships too, with the change record.
func (s *Store) deleteResource(ctx context.Context, tx *sqlitedb.Tx, scope store.Scope, t store.Type, id string, revision int64, cause store.Cause) (feed.Cursor, error) {
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
func dismiss(ctx context.Context, tx *sqlitedb.Tx, scope store.Scope, groupID string, revision int64, cause store.Cause) error {
	if _, err := tx.Exec(ctx, recordDismissedMembers, scope.DirectoryID, revision, store.MemberRemoved,
		cause.MessageID, cause.Traceparent, dbtype.Time(&cause.Time), scope.OrganizationID, groupID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, deleteMembersOfGroup, scope.OrganizationID, groupID)
	return err
}

// leaveGroups removes a deleted resource from all its groups, and gives each group a new version. The record of the deletion
// stands for these changes.
func leaveGroups(ctx context.Context, tx *sqlitedb.Tx, organizationID, memberID string, cause store.Cause) error {
	if _, err := tx.Exec(ctx, touchGroupsOfMember, dbtype.Time(&cause.Time), organizationID, memberID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, deleteMemberships, organizationID, memberID)
	return err
}
