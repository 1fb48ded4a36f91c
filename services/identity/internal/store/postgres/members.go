package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scim"
)

var (
	// They lock the members' rows, so that no other transaction deletes them.
	lockUsersToAdd  = statements.Load("lock_users_to_add", "organization_id", "directory_id", "group_id", "ids")
	lockGroupsToAdd = statements.Load("lock_groups_to_add", "organization_id", "directory_id", "group_id", "ids")

	confirmMembers = statements.Load("confirm_members", "organization_id", "directory_id", "group_id", "ids")
	insertMembers  = statements.Load("insert_members", "organization_id", "group_id", "ids", "groups")
	lockNesting    = statements.Load("lock_nesting", "organization_id")
	deleteMembers  = statements.Load("delete_members", "organization_id", "directory_id", "group_id", "ids")
	recordMembers  = statements.Load("record_members", "organization_id", "directory_id", "group_id", "revision", "kind", "message_id",
		"traceparent", "time", "ids", "groups")
	listShownMembers   = statements.Load("list_shown_members", "organization_id", "directory_id", "group_id", "after", "limit")
	listVisibleMembers = statements.Load("list_visible_members", "organization_id", "directory_id", "group_id", "after", "limit")
	listDirectMembers  = statements.Load("list_direct_members", "organization_id", "group_id", "after", "limit")
	listCarriedMembers = statements.Load("list_carried_members", "organization_id", "directory_id", "after_group", "after_member",
		"limit")
	lockGroupByID       = statements.Load("lock_group_by_id", "organization_id", "id")
	deleteCarriedMember = statements.Load("delete_carried_member", "organization_id", "directory_id", "group_id", "member_id")
	touchGroup          = statements.Load("touch_group", "version", "time", "organization_id", "id")
)

// quickEdit is an edit of a few named members. One statement can do it.
type quickEdit struct {
	adds, removes []string
	order         []string // the order of their change records
}

// maxQuick is the most members that a quickEdit names.
const maxQuick = 100

// quickEditOf joins edits to one quickEdit, if each member is only added or only removed.
func quickEditOf(edits []store.MemberEdit) (q quickEdit, ok bool) {
	named := map[string]scim.MemberEditKind{}
	for _, edit := range edits {
		side := &q.adds
		switch edit.Kind {
		case scim.AddMembers:
		case scim.RemoveMembers:
			side = &q.removes
		default:
			return q, false
		}
		for _, id := range edit.IDs {
			if before, again := named[id]; !again {
				named[id] = edit.Kind
				*side, q.order = append(*side, id), append(q.order, id)
			} else if before != edit.Kind {
				return q, false
			}
			if len(q.order) > maxQuick {
				return q, false
			}
		}
	}
	return q, true
}

// editor changes the members of one group, of any kind and number, within a write that has locked the group's row.
type editor struct {
	scope    store.Scope
	groupID  string
	revision int64
	cause    store.Cause

	store   *Store
	tx      pgx.Tx
	nesting store.Nesting

	changed bool
	last    feed.Cursor // after the last change record
}

// edit makes edits of a group's members.
func (s *Store) edit(ctx context.Context, tx pgx.Tx, e *editor, edits []store.MemberEdit) error {
	e.store, e.tx = s, tx
	e.nesting.Reader = edgeReader{q: tx, organizationID: e.scope.OrganizationID}
	return e.apply(ctx, store.Together(edits))
}

// editPage is how many members one step of an edit processes.
const editPage = 1000

func (e *editor) apply(ctx context.Context, edits []store.MemberEdit) error {
	for _, edit := range edits {
		var err error
		switch edit.Kind {
		case scim.AddMembers:
			err = inPages(edit.IDs, func(ids []string) error { return e.add(ctx, ids) })
		case scim.RemoveMembers:
			err = inPages(edit.IDs, func(ids []string) error { return e.remove(ctx, ids) })
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

func inPages(ids []string, do func(ids []string) error) error {
	for len(ids) > 0 {
		n := min(len(ids), editPage)
		if err := do(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// member is a user or group that an edit names, as the directory sees it.
type member struct {
	id     string
	group  bool
	exists bool // it is a member already, maybe a carried one; only add sets this, for groups
}

func memberFields(m *member) []any { return []any{&m.id, &m.group} }

func wouldBeFields(m *member) []any { return []any{&m.id, &m.group, &m.exists} }

// add adds members, and confirms carried ones.
func (e *editor) add(ctx context.Context, ids []string) error {
	var resources []member
	for _, query := range []string{lockUsersToAdd, lockGroupsToAdd} {
		some, err := pgdb.ReadAll(ctx, e.tx, wouldBeFields, query, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, ids)
		if err != nil {
			return err
		}
		resources = append(resources, some...)
	}
	if err := e.known(ids, resources); err != nil {
		return err
	}
	resources = inOrder(ids, resources)
	if err := e.nest(ctx, resources); err != nil {
		return err
	}
	all, groups := columns(resources)
	if _, err := e.tx.Exec(ctx, confirmMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, all); err != nil {
		return err
	}
	added, err := pgdb.ReadAll(ctx, e.tx, memberFields, insertMembers, e.scope.OrganizationID, e.groupID, all, groups)
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberAdded, inOrder(ids, added))
}

// inOrder sorts members into the order in which the edit named them. SQL returns them in any order.
func inOrder(ids []string, who []member) []member {
	place := make(map[string]int, len(ids))
	for i, id := range slices.Backward(ids) {
		place[id] = i
	}
	slices.SortFunc(who, func(a, b member) int { return cmp.Compare(place[a.id], place[b.id]) })
	return who
}

// columns returns members as arrays, for unnest.
func columns(who []member) (ids []string, groups []bool) {
	for _, m := range who {
		ids, groups = append(ids, m.id), append(groups, m.group)
	}
	return ids, groups
}

// known refuses an id that is not a resource of the directory.
func (e *editor) known(ids []string, resources []member) error {
	found := make(map[string]bool, len(resources))
	for _, m := range resources {
		found[m.id] = true
	}
	for _, id := range ids {
		if !found[id] {
			return store.NoMember(id)
		}
	}
	return nil
}

// nest checks whether groups may be added. In an organization, one transaction at a time changes the nesting.
func (e *editor) nest(ctx context.Context, all []member) error {
	var groups []string
	for _, m := range all {
		if m.group && !m.exists {
			groups = append(groups, m.id)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	if _, err := e.tx.Exec(ctx, lockNesting, e.scope.OrganizationID); err != nil {
		return err
	}
	return e.nesting.Check(ctx, e.groupID, groups)
}

// remove removes members that the directory can see.
func (e *editor) remove(ctx context.Context, ids []string) error {
	removed, err := pgdb.ReadAll(ctx, e.tx, memberFields, deleteMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, ids)
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberRemoved, inOrder(ids, removed))
}

func (e *editor) removeMatching(ctx context.Context, match func(store.Member) bool) error {
	for after := ""; ; {
		page, err := pgdb.ReadAll(ctx, e.tx, rows.Member, listVisibleMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, after, editPage)
		if err != nil {
			return err
		}
		var out []string
		for _, m := range page {
			if match(m) {
				out = append(out, m.Value)
			}
		}
		if err := inPages(out, func(ids []string) error { return e.remove(ctx, ids) }); err != nil {
			return err
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
	return inPages(added(), func(some []string) error { return e.add(ctx, some) })
}

// record adds a change record for each member that was added or removed, in their order.
func (e *editor) record(ctx context.Context, kind store.ChangeKind, who []member) error {
	if len(who) == 0 {
		return nil
	}
	all, groups := columns(who)
	e.changed, e.last.Epoch = true, e.store.db.Epoch()
	return e.tx.QueryRow(ctx, recordMembers,
		e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, e.revision, int(kind), e.cause.MessageID, e.cause.Traceparent,
		dbtype.Time(&e.cause.Time), all, groups).Scan(&e.last.Transaction, &e.last.Sequence)
}

func (s *Store) Members(ctx context.Context, scope store.Scope, groupID, after string, limit int) ([]scim.Member, error) {
	return pgdb.ReadAll(ctx, s.db, rows.Shown, listShownMembers, scope.OrganizationID, scope.DirectoryID, groupID, after, limit)
}

func (s *Store) DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]store.Member, error) {
	return pgdb.ReadAll(ctx, s.db, rows.Member, listDirectMembers, organizationID, groupID, after, limit)
}

func (s *Store) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	return pgdb.ReadAll(ctx, s.db, rows.Carried, listCarriedMembers,
		scope.OrganizationID, scope.DirectoryID, afterGroup, afterMember, limit)
}

func (s *Store) RemoveCarried(ctx context.Context, scope store.Scope, carried []store.CarriedMember, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx) error {
		w = store.Written{} // this may be a retry
		for _, c := range carried {
			// Lock the group's row first, as all writes do. The membership may have been confirmed or removed since it was
			// listed.
			version, err := pgdb.ReadOne(ctx, tx, dbtype.Value[int64], store.Missing(store.Group, c.GroupID),
				lockGroupByID, scope.OrganizationID, c.GroupID)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, deleteCarriedMember, scope.OrganizationID, scope.DirectoryID, c.GroupID, c.Member.Value)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, touchGroup, version+1, dbtype.Time(&cause.Time), scope.OrganizationID, c.GroupID); err != nil {
				return err
			}
			if w.Cursor, err = s.record(ctx, tx, scope, rows.Record{
				Type: store.Group, ID: c.GroupID, Revision: version + 1, Kind: store.MemberRemoved,
				MemberID: c.Member.Value, MemberType: store.Type(c.Member.Type),
			}, cause); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}
