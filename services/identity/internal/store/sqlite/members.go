package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// editor changes the members of one group within a write.
type editor struct {
	scope    store.Scope
	groupID  string
	revision int64
	cause    store.Cause

	store   *Store
	tx      *sqldb.Tx
	nesting store.Nesting

	changed bool
	last    feed.Cursor // after the last change record
}

// edit makes edits of a group's members.
func (s *Store) edit(ctx context.Context, tx *sqldb.Tx, e *editor, edits []store.MemberEdit) error {
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

// addAll brings members in, or confirms carried ones.
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
	for _, m := range a.come {
		if err := e.bringIn(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// arrivals are would-be members.
type arrivals struct {
	named  map[string]bool
	come   []arrival
	groups []string // of them
}

type arrival struct {
	id string
	of store.Type
}

// meet notes a would-be member, unless it is one. A carried one it confirms.
func (e *editor) meet(ctx context.Context, a *arrivals, id string) error {
	if a.named[id] {
		return nil
	}
	a.named[id] = true
	var carried bool
	err := e.tx.QueryRow(ctx, `SELECT carried FROM members WHERE organization_id = ? AND group_id = ? AND member_id = ?`,
		e.scope.OrganizationID, e.groupID, id).Scan(&carried)
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
		// Who follows the feed sees no difference: it counted before.
		_, err := e.tx.Exec(ctx, `UPDATE members SET carried = 0 WHERE organization_id = ? AND group_id = ? AND member_id = ?`,
			e.scope.OrganizationID, e.groupID, id)
		return err
	}
	a.come = append(a.come, arrival{id: id, of: of})
	if of == store.Group {
		a.groups = append(a.groups, id)
	}
	return nil
}

func (e *editor) bringIn(ctx context.Context, m arrival) error {
	if _, err := e.tx.Exec(ctx, `INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
		VALUES (?, ?, ?, ?, 0)`, e.scope.OrganizationID, e.groupID, m.id, m.of == store.Group); err != nil {
		return err
	}
	return e.record(ctx, store.MemberAdded, m.id, m.of)
}

// known gives the type of a would-be member; it is an error if it is no resource of the directory.
func (e *editor) known(ctx context.Context, id string) (of store.Type, err error) {
	err = e.tx.QueryRow(ctx, `SELECT 0 FROM users WHERE organization_id = ?1 AND id = ?2 AND directory_id = ?3
		UNION ALL SELECT 1 FROM groups WHERE organization_id = ?1 AND id = ?2 AND directory_id = ?3`,
		e.scope.OrganizationID, id, e.scope.DirectoryID).Scan(rows.Type(&of))
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NoMember(id)
	}
	return of, err
}

// removeAll takes out those of ids that are members. The others, which may be many, are left out at once.
func (e *editor) removeAll(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		some := ids[:min(len(ids), editPage)]
		ids = ids[len(some):]
		found, err := read(ctx, e.tx, value[string], `SELECT m.member_id FROM json_each(?3) named
			CROSS JOIN members m ON m.organization_id = ?1 AND m.group_id = ?2 AND m.member_id = named.value ORDER BY named.key`,
			e.scope.OrganizationID, e.groupID, inOrder(some))
		if err != nil {
			return err
		}
		if err := e.each(ctx, found, e.remove); err != nil {
			return err
		}
	}
	return nil
}

// remove takes out a member that the directory can see.
func (e *editor) remove(ctx context.Context, id string) error {
	var of store.Type
	err := e.tx.QueryRow(ctx, `DELETE FROM members WHERE organization_id = ?1 AND group_id = ?2 AND member_id = ?3
		AND (EXISTS (SELECT 1 FROM users WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?4)
			OR EXISTS (SELECT 1 FROM groups WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?4))
		RETURNING member_group`, e.scope.OrganizationID, e.groupID, id, e.scope.DirectoryID).Scan(rows.Type(&of))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.record(ctx, store.MemberRemoved, id, of)
}

// editPage is how many members one step of an edit that reads them all takes into memory.
const editPage = 1000

func (e *editor) removeMatching(ctx context.Context, match func(store.Member) bool) error {
	for after := ""; ; {
		page, err := read(ctx, e.tx, rows.Member, visibleMembers, e.scope.OrganizationID, e.scope.DirectoryID, e.groupID, after, editPage)
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
	goes, come := store.Replacing(ids)
	if err := e.removeMatching(ctx, goes); err != nil {
		return err
	}
	return e.addAll(ctx, come())
}

func (e *editor) record(ctx context.Context, kind store.ChangeKind, memberID string, of store.Type) (err error) {
	e.changed = true
	e.last, err = e.store.record(ctx, e.tx, e.scope, rows.Record{
		Type: store.Group, ID: e.groupID, Revision: e.revision, Kind: kind, MemberID: memberID, MemberType: of,
	}, e.cause)
	return err
}

// visible is a query of columns of the members m of group ?3, after ?4, that the directory ?2 can see, at most ?5.
func visible(columns string) string {
	return `SELECT ` + columns + ` FROM members m
		LEFT JOIN users u ON m.member_group = 0 AND u.organization_id = m.organization_id AND u.id = m.member_id AND u.directory_id = ?2
		LEFT JOIN groups g ON m.member_group = 1 AND g.organization_id = m.organization_id AND g.id = m.member_id AND g.directory_id = ?2
		WHERE m.organization_id = ?1 AND m.group_id = ?3 AND m.member_id > ?4 AND (u.id IS NOT NULL OR g.id IS NOT NULL)
		ORDER BY m.member_id LIMIT ?5`
}

var (
	shownMembers   = visible(`m.member_id, m.member_group, coalesce(u.display_name, g.display_name)`)
	visibleMembers = visible(`m.member_id, m.member_group, coalesce(u.display_name, g.display_name), m.carried`)
)

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, scope store.Scope, groupID, after string, limit int) ([]scim.Member, error) {
	return read(ctx, s.db, rows.Shown, shownMembers, scope.OrganizationID, scope.DirectoryID, groupID, after, limit)
}

// DirectMembers implements store.Store.
func (s *Store) DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]store.Member, error) {
	return read(ctx, s.db, rows.Member, `SELECT member_id, member_group, '', carried FROM members
		WHERE organization_id = ? AND group_id = ? AND member_id > ? ORDER BY member_id LIMIT ?`, organizationID, groupID, after, limit)
}

// isCarried is the condition on a membership m of a group g in a directory d that an adoption by directory ?2 of
// organization ?1 took it over: with the group, or with the member while the group stayed behind.
const isCarried = `((g.directory_id = ?2 AND m.carried = 1) OR (d.closed = 1 AND (
	EXISTS (SELECT 1 FROM users u WHERE u.organization_id = ?1 AND u.id = m.member_id AND u.directory_id = ?2)
	OR EXISTS (SELECT 1 FROM groups n WHERE n.organization_id = ?1 AND n.id = m.member_id AND n.directory_id = ?2))))`

// CarriedMembers implements store.Store.
func (s *Store) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	return read(ctx, s.db, rows.Carried, `SELECT m.group_id, m.member_id, m.member_group, m.carried FROM members m
		JOIN groups g ON g.organization_id = m.organization_id AND g.id = m.group_id
		JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id
		WHERE m.organization_id = ?1 AND (m.group_id, m.member_id) > (?3, ?4) AND `+isCarried+`
		ORDER BY m.group_id, m.member_id LIMIT ?5`,
		scope.OrganizationID, scope.DirectoryID, afterGroup, afterMember, limit)
}

// RemoveCarried implements store.Store.
func (s *Store) RemoveCarried(ctx context.Context, scope store.Scope, carried []store.CarriedMember, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(ctx context.Context, tx *sqldb.Tx, _ store.Directory) error {
		for _, c := range carried {
			var revision int64
			// It may have been confirmed or removed since it was listed.
			removed, err := tx.Exec(ctx, `DELETE FROM members AS m WHERE organization_id = ?1 AND group_id = ?3 AND member_id = ?4
				AND EXISTS (SELECT 1 FROM groups g JOIN directories d ON d.organization_id = ?1 AND d.id = g.directory_id
					WHERE g.organization_id = ?1 AND g.id = ?3 AND `+isCarried+`)`,
				scope.OrganizationID, scope.DirectoryID, c.GroupID, c.Member.Value)
			if err != nil {
				return err
			}
			if removed == 0 {
				continue
			}
			if err := tx.QueryRow(ctx, `UPDATE groups SET version = version + 1, update_time = ? WHERE organization_id = ? AND id = ?
				RETURNING version`, sqldb.Time(&cause.Time), scope.OrganizationID, c.GroupID).Scan(&revision); err != nil {
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
