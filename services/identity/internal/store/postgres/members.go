package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// quickEdit is an edit that names a few members: one statement can make it.
type quickEdit struct {
	come, leave []string
	order       []string // of their change records
}

// maxQuick is how many members a quickEdit names.
const maxQuick = 100

// quickEditOf is what edits come to, if that is a quickEdit: each member is named to come or to leave.
func quickEditOf(edits []store.MemberEdit) (q quickEdit, ok bool) {
	named := map[string]scim.MemberEditKind{}
	for _, edit := range edits {
		side := &q.come
		switch edit.Kind {
		case scim.AddMembers:
		case scim.RemoveMembers:
			side = &q.leave
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

// What quick edits and the editor share, on members of group $3 of organization $1, in directory $2.
const (
	// eachOf, an array of ids, and named are a table of what names each of them. The planner does not see that all have the
	// same organization and group: it looks each of them up, where it might read all members of the group.
	eachOf = `(SELECT $1::text AS organization_id, $2::text AS directory_id, $3::text AS group_id, id FROM unnest(`
	named  = `::text[]) id ` + eachByItself + `) n`

	// findUsers and findGroups hold those that there are, so that nobody deletes them meanwhile.
	findUsers  = named + ` JOIN users r ON ` + isThere
	findGroups = named + ` JOIN groups r ON ` + isThere
	isThere    = `r.organization_id = n.organization_id AND r.id = n.id AND r.directory_id = n.directory_id
		ORDER BY r.id FOR KEY SHARE OF r`

	// Who follows the feed sees no difference where a carried member is confirmed: it counted before.
	confirm   = `UPDATE members m SET carried = false FROM ` + eachOf
	remove    = `DELETE FROM members m USING ` + eachOf
	ofMembers = named + ` WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id AND m.member_id = n.id AND `
	// isVisible is the condition that the directory can see a member m.
	isVisible = `(EXISTS (SELECT 1 FROM users u WHERE u.organization_id = $1 AND u.id = m.member_id AND u.directory_id = $2)
		OR EXISTS (SELECT 1 FROM groups g WHERE g.organization_id = $1 AND g.id = m.member_id AND g.directory_id = $2))`
)

// editor changes the members of one group within a write that holds the group's row, whoever and however many they are.
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

// editPage is how many members one step of an edit takes.
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

// member is a would-be member, as the directory sees it.
type member struct {
	id    string
	group bool
	there bool // it is a member already, maybe a carried one; only of groups that add finds
}

func memberFields(m *member) []any { return []any{&m.id, &m.group} }

func wouldBeFields(m *member) []any { return []any{&m.id, &m.group, &m.there} }

// add brings members in, or confirms carried ones.
func (e *editor) add(ctx context.Context, ids []string) error {
	// Their rows are held, so that nobody deletes them meanwhile.
	var there []member
	for _, query := range []string{
		`SELECT r.id, false, false FROM ` + eachOf + `$4` + findUsers,
		`SELECT r.id, true, EXISTS (SELECT 1 FROM members m WHERE m.organization_id = n.organization_id AND m.group_id = n.group_id
			AND m.member_id = r.id) FROM ` + eachOf + `$4` + findGroups,
	} {
		some, err := sqldb.ReadAll(ctx, e.tx, wouldBeFields, query, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, ids)
		if err != nil {
			return err
		}
		there = append(there, some...)
	}
	if err := e.known(ids, there); err != nil {
		return err
	}
	there = inOrder(ids, there)
	if err := e.nest(ctx, there); err != nil {
		return err
	}
	all, groups := columns(there)
	if _, err := e.tx.Exec(ctx, confirm+`$4`+ofMembers+`m.carried`, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, all); err != nil {
		return err
	}
	added, err := sqldb.ReadAll(ctx, e.tx, memberFields, `INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
		SELECT $1, $2, n.id, n.grp, false FROM unnest($3::text[], $4::boolean[]) n (id, grp) ON CONFLICT DO NOTHING
		RETURNING member_id, member_group`, e.scope.OrganizationID, e.groupID, all, groups)
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberAdded, inOrder(ids, added))
}

// inOrder puts members into the order in which they were named, each once. SQL gives them in any order.
func inOrder(ids []string, who []member) []member {
	place := make(map[string]int, len(ids))
	for i, id := range slices.Backward(ids) {
		place[id] = i
	}
	slices.SortFunc(who, func(a, b member) int { return cmp.Compare(place[a.id], place[b.id]) })
	return who
}

// columns are members as arrays, for unnest.
func columns(who []member) (ids []string, groups []bool) {
	for _, m := range who {
		ids, groups = append(ids, m.id), append(groups, m.group)
	}
	return ids, groups
}

// known refuses an id that is no resource of the directory.
func (e *editor) known(ids []string, there []member) error {
	found := make(map[string]bool, len(there))
	for _, m := range there {
		found[m.id] = true
	}
	for _, id := range ids {
		if !found[id] {
			return store.NoMember(id)
		}
	}
	return nil
}

// nest asks whether groups may come in. Nesting is changed by one at a time in an organization.
func (e *editor) nest(ctx context.Context, all []member) error {
	var come []string
	for _, m := range all {
		if m.group && !m.there {
			come = append(come, m.id)
		}
	}
	if len(come) == 0 {
		return nil
	}
	if _, err := e.tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 3))`, e.scope.OrganizationID); err != nil {
		return err
	}
	return e.nesting.Check(ctx, e.groupID, come)
}

// remove takes out members that the directory can see.
func (e *editor) remove(ctx context.Context, ids []string) error {
	removed, err := sqldb.ReadAll(ctx, e.tx, memberFields, remove+`$4`+ofMembers+isVisible+`
		RETURNING m.member_id, m.member_group`, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, ids)
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberRemoved, inOrder(ids, removed))
}

func (e *editor) removeMatching(ctx context.Context, match func(store.Member) bool) error {
	for after := ""; ; {
		page, err := sqldb.ReadAll(ctx, e.tx, rows.Member, visibleMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, after, editPage)
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
	goes, come := store.Replacing(ids)
	if err := e.removeMatching(ctx, goes); err != nil {
		return err
	}
	return inPages(come(), func(some []string) error { return e.add(ctx, some) })
}

// record adds a change record for each member that came or left, in their order.
func (e *editor) record(ctx context.Context, kind store.ChangeKind, who []member) error {
	if len(who) == 0 {
		return nil
	}
	all, groups := columns(who)
	e.changed, e.last.Epoch = true, e.store.db.Epoch()
	return e.tx.QueryRow(ctx, `WITH added AS (
			INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group,
				message_id, traceparent, time)
			SELECT $1, $2, true, $3, $4, $5, n.id, n.grp, $6, $7, $8
			FROM unnest($9::text[], $10::boolean[]) WITH ORDINALITY n (id, grp, place) ORDER BY n.place
			RETURNING transaction, sequence)
		SELECT max(transaction), max(sequence) FROM added`,
		e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, e.revision, int(kind), e.cause.MessageID, e.cause.Traceparent,
		sqldb.Time(&e.cause.Time), all, groups).Scan(&e.last.Transaction, &e.last.Sequence)
}

// visible is a query of columns of the members m of group $3, after $4, that the directory $2 can see, at most $5.
func visible(columns string) string {
	return `SELECT ` + columns + ` FROM members m
		LEFT JOIN users u ON NOT m.member_group AND u.organization_id = m.organization_id AND u.id = m.member_id AND u.directory_id = $2
		LEFT JOIN groups g ON m.member_group AND g.organization_id = m.organization_id AND g.id = m.member_id AND g.directory_id = $2
		WHERE m.organization_id = $1 AND m.group_id = $3 AND m.member_id > $4 AND (u.id IS NOT NULL OR g.id IS NOT NULL)
		ORDER BY m.member_id LIMIT $5`
}

var (
	shownMembers   = visible(`m.member_id, m.member_group, coalesce(u.display_name, g.display_name)`)
	visibleMembers = visible(`m.member_id, m.member_group, coalesce(u.display_name, g.display_name), m.carried`)
)

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, scope store.Scope, groupID, after string, limit int) ([]scim.Member, error) {
	return sqldb.ReadAll(ctx, s.db, rows.Shown, shownMembers, scope.OrganizationID, scope.DirectoryID, groupID, after, limit)
}

// DirectMembers implements store.Store.
func (s *Store) DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]store.Member, error) {
	return sqldb.ReadAll(ctx, s.db, rows.Member, `SELECT member_id, member_group, '', carried FROM members
		WHERE organization_id = $1 AND group_id = $2 AND member_id > $3 ORDER BY member_id LIMIT $4`,
		organizationID, groupID, after, limit)
}

// isCarried is the condition on a membership m of a group g in a directory d that an adoption by directory $2 of
// organization $1 took it over: with the group, or with the member while the group stayed behind.
const isCarried = `((g.directory_id = $2 AND m.carried) OR (d.closed AND (
	EXISTS (SELECT 1 FROM users u WHERE u.organization_id = $1 AND u.id = m.member_id AND u.directory_id = $2)
	OR EXISTS (SELECT 1 FROM groups n WHERE n.organization_id = $1 AND n.id = m.member_id AND n.directory_id = $2))))`

// CarriedMembers implements store.Store.
func (s *Store) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	return sqldb.ReadAll(ctx, s.db, rows.Carried, `SELECT m.group_id, m.member_id, m.member_group, m.carried FROM members m
		JOIN groups g ON g.organization_id = m.organization_id AND g.id = m.group_id
		JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id
		WHERE m.organization_id = $1 AND (m.group_id, m.member_id) > ($3, $4) AND `+isCarried+`
		ORDER BY m.group_id, m.member_id LIMIT $5`,
		scope.OrganizationID, scope.DirectoryID, afterGroup, afterMember, limit)
}

// RemoveCarried implements store.Store.
func (s *Store) RemoveCarried(ctx context.Context, scope store.Scope, carried []store.CarriedMember, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx) error {
		w = store.Written{} // it may be a second try
		for _, c := range carried {
			// The group's row first, as everybody does. It may have been confirmed or removed since it was listed.
			revision, err := sqldb.ReadOne(ctx, tx, sqldb.Value[int64], store.Missing(store.Group, c.GroupID),
				`SELECT version + 1 FROM groups WHERE organization_id = $1 AND id = $2`+lockToChange, scope.OrganizationID, c.GroupID)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, `DELETE FROM members m WHERE organization_id = $1 AND group_id = $3 AND member_id = $4
				AND EXISTS (SELECT 1 FROM groups g JOIN directories d ON d.organization_id = $1 AND d.id = g.directory_id
					WHERE g.organization_id = $1 AND g.id = $3 AND `+isCarried+`)`,
				scope.OrganizationID, scope.DirectoryID, c.GroupID, c.Member.Value)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, `UPDATE groups SET version = $1, update_time = $2 WHERE organization_id = $3 AND id = $4`,
				revision, sqldb.Time(&cause.Time), scope.OrganizationID, c.GroupID); err != nil {
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
