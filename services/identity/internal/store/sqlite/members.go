package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	isCarried          = statements.Load("is_carried", "organization_id", "group_id", "member_id")
	confirmMember      = statements.Load("confirm_member", "organization_id", "group_id", "member_id")
	insertMember       = statements.Load("insert_member", "organization_id", "group_id", "member_id", "member_group")
	getType            = statements.Load("get_type", "organization_id", "id", "directory_id")
	listMembersByIDs   = statements.Load("list_members_by_ids", "organization_id", "group_id", "ids")
	deleteMember       = statements.Load("delete_member", "organization_id", "group_id", "member_id", "directory_id")
	listShownMembers   = statements.Load("list_shown_members", "organization_id", "directory_id", "group_id", "after", "limit")
	listVisibleMembers = statements.Load("list_visible_members", "organization_id", "directory_id", "group_id", "after", "limit")
	listDirectMembers  = statements.Load("list_direct_members", "organization_id", "group_id", "after", "limit")
	listCarriedMembers = statements.Load("list_carried_members", "organization_id", "directory_id", "after_group", "after_member",
		"limit")
	deleteCarriedMember = statements.Load("delete_carried_member", "organization_id", "directory_id", "group_id", "member_id")
	nextGroupVersion    = statements.Load("next_group_version", "time", "organization_id", "id")
)

// editor changes the members of one group within a write.
type editor struct {
	scope    store.Scope
	groupID  string
	revision int64
	cause    store.Cause

	store   *Store
	tx      *sqlitedb.Tx
	nesting store.Nesting

	changed bool
	last    feed.Cursor // after the last change record
}

// edit makes edits of a group's members.
func (s *Store) edit(ctx context.Context, tx *sqlitedb.Tx, e *editor, edits []store.MemberEdit) error {
	e.store, e.tx = s, tx
	e.nesting.Reader = edgeReader{q: tx, organizationID: e.scope.OrganizationID}
	return e.apply(ctx, store.Together(edits))
}

func (e *editor) apply(ctx context.Context, edits []store.MemberEdit) error {
	for _, edit := range edits {
		var err error
		switch edit.Kind {
		case scim.AddMembers:
			err = e.addAll(ctx, edit.IDs)
		case scim.RemoveMembers:
			err = e.removeAll(ctx, edit.IDs)
		case scim.RemoveMatching:
			err = e.removeMatching(ctx, func(m store.Member) bool { return edit.Match(m.Member) })
		case scim.ReplaceMembers:
			err = e.replace(ctx, edit.IDs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) each(ctx context.Context, ids []string, do func(context.Context, string) error) error {
	for _, id := range ids {
		if err := do(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// addAll adds members, and confirms carried ones.
func (e *editor) addAll(ctx context.Context, ids []string) error {
	for some := range slices.Chunk(ids, editPage) {
		if err := e.addSome(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) addSome(ctx context.Context, ids []string) error {
	a := arrivals{named: make(map[string]bool, len(ids))}
	if err := e.each(ctx, ids, func(ctx context.Context, id string) error { return e.meet(ctx, &a, id) }); err != nil {
		return err
	}
	if err := e.nesting.Check(ctx, e.groupID, a.groups); err != nil {
		return err
	}
	for _, m := range a.all {
		if err := e.bringIn(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// arrivals are the members to add.
type arrivals struct {
	named  map[string]bool
	all    []arrival
	groups []string // those of them that are groups
}

type arrival struct {
	id string
	of store.Type
}

// meet adds id to the arrivals, unless it is a member already. It confirms a carried member.
func (e *editor) meet(ctx context.Context, a *arrivals, id string) error {
	if a.named[id] {
		return nil
	}
	a.named[id] = true
	var carried bool
	err := e.tx.QueryRow(ctx, isCarried, e.scope.OrganizationID, e.groupID, id).Scan(&carried)
	switch {
	case err == nil && !carried:
		return nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	}
	of, err := e.known(ctx, id)
	if err != nil {
		return err
	}
	if carried {
		// Followers of the feed see no difference: a carried member counted before.
		_, err := e.tx.Exec(ctx, confirmMember, e.scope.OrganizationID, e.groupID, id)
		return err
	}
	a.all = append(a.all, arrival{id: id, of: of})
	if of == store.Group {
		a.groups = append(a.groups, id)
	}
	return nil
}

func (e *editor) bringIn(ctx context.Context, m arrival) error {
	if _, err := e.tx.Exec(ctx, insertMember, e.scope.OrganizationID, e.groupID, m.id, m.of == store.Group); err != nil {
		return err
	}
	return e.record(ctx, store.MemberAdded, m.id, m.of)
}

// known returns the type of a new member. It refuses an id that is not a resource of the directory.
func (e *editor) known(ctx context.Context, id string) (of store.Type, err error) {
	err = e.tx.QueryRow(ctx, getType, e.scope.OrganizationID, id, e.scope.DirectoryID).Scan(rows.Type(&of))
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NoMember(id)
	}
	return of, err
}

// removeAll removes those of ids that are members. The others, which may be many, are skipped together.
func (e *editor) removeAll(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		some := ids[:min(len(ids), editPage)]
		ids = ids[len(some):]
		found, err := sqlitedb.ReadAll(ctx, e.tx, dbtype.Value[string], listMembersByIDs, e.scope.OrganizationID, e.groupID, jsonList(some))
		if err != nil {
			return err
		}
		if err := e.each(ctx, found, e.remove); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a member that the directory can see.
func (e *editor) remove(ctx context.Context, id string) error {
	var of store.Type
	err := e.tx.QueryRow(ctx, deleteMember, e.scope.OrganizationID, e.groupID, id, e.scope.DirectoryID).Scan(rows.Type(&of))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberRemoved, id, of)
}

// editPage is how many members an edit that reads all of them takes into memory at a time.
const editPage = 1000

func (e *editor) removeMatching(ctx context.Context, match func(store.Member) bool) error {
	for after := ""; ; {
		page, err := sqlitedb.ReadAll(ctx, e.tx, rows.Member, listVisibleMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, after, editPage)
		if err != nil {
			return err
		}
		for _, m := range page {
			if match(m) {
				if err := e.remove(ctx, m.Value); err != nil {
					return err
				}
			}
		}
		if len(page) < editPage {
			return nil
		}
		after = page[len(page)-1].Value
	}
}

func (e *editor) replace(ctx context.Context, ids []string) error {
	removed, added := store.Replacing(ids)
	if err := e.removeMatching(ctx, removed); err != nil {
		return err
	}
	return e.addAll(ctx, added())
}

func (e *editor) record(ctx context.Context, kind store.ChangeKind, memberID string, of store.Type) (err error) {
	e.changed = true
	e.last, err = e.store.record(ctx, e.tx, e.scope, rows.Record{
		Type: store.Group, ID: e.groupID, Revision: e.revision, Kind: kind, MemberID: memberID, MemberType: of,
	}, e.cause)
	return err
}

func (s *Store) Members(ctx context.Context, scope store.Scope, groupID, after string, limit int) ([]scim.Member, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Shown, listShownMembers, scope.OrganizationID, scope.DirectoryID, groupID, after, limit)
}

func (s *Store) DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]store.Member, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Member, listDirectMembers, organizationID, groupID, after, limit)
}

func (s *Store) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Carried, listCarriedMembers,
		scope.OrganizationID, scope.DirectoryID, afterGroup, afterMember, limit)
}

func (s *Store) RemoveCarried(ctx context.Context, scope store.Scope, carried []store.CarriedMember, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(ctx context.Context, tx *sqlitedb.Tx, _ store.Directory) error {
		for _, c := range carried {
			var revision int64
			// The membership may have been confirmed or removed since it was listed.
			removed, err := tx.Exec(ctx, deleteCarriedMember, scope.OrganizationID, scope.DirectoryID, c.GroupID, c.Member.Value)
			if err != nil {
				return err
			}
			if removed == 0 {
				continue
			}
			if err := tx.QueryRow(ctx, nextGroupVersion, dbtype.Time(&cause.Time), scope.OrganizationID, c.GroupID).Scan(&revision); err != nil {
				return err
			}
			if w.Cursor, err = s.record(ctx, tx, scope, rows.Record{
				Type: store.Group, ID: c.GroupID, Revision: revision, Kind: store.MemberRemoved,
				MemberID: c.Member.Value, MemberType: store.Type(c.Member.Type),
			}, cause); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}
