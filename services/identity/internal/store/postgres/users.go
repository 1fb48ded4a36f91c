package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const userColumns = `u.organization_id, u.directory_id, u.id, u.user_name, u.user_name_folded, u.external_id, u.display_name,
	u.active, u.version, u.document, u.create_time, u.update_time`

func userFields(u *store.User) []any {
	return []any{
		&u.OrganizationID, &u.DirectoryID, &u.ID, &u.UserName, &u.UserNameFolded, &u.ExternalID, &u.DisplayName,
		&u.Active, &u.Version, &u.Document, sqldb.Time(&u.CreateTime), sqldb.Time(&u.UpdateTime),
	}
}

// oneUser reads the only user of a directory, open or not, that a condition on $3 meets.
func oneUser(ctx context.Context, q sqldb.Reader, scope store.Scope, what, condition, value string) (store.User, error) {
	return sqldb.ReadOne(ctx, q, userFields, fault.Missing("user", what), `SELECT `+userColumns+` FROM users u
		WHERE u.organization_id = $1 AND u.directory_id = $2 AND `+condition, scope.OrganizationID, scope.DirectoryID, value)
}

// A user is named within its directory by its id or in one of these ways ($3).
const (
	ofUserName, isUserName     = "of that userName", `u.user_name_folded = $3`
	ofExternalID, isExternalID = "of that externalId", `u.external_id = $3 AND u.external_id <> ''`
)

// User implements store.Store.
func (s *Store) User(ctx context.Context, scope store.Scope, id string) (store.User, error) {
	return oneUser(ctx, s.db, scope, id, `u.id = $3`, id)
}

// UserByUserName implements store.Store.
func (s *Store) UserByUserName(ctx context.Context, scope store.Scope, folded string) (store.User, error) {
	return oneUser(ctx, s.db, scope, ofUserName, isUserName, folded)
}

// UserByExternalID implements store.Store.
func (s *Store) UserByExternalID(ctx context.Context, scope store.Scope, externalID string) (store.User, error) {
	return oneUser(ctx, s.db, scope, ofExternalID, isExternalID, externalID)
}

// Users implements store.Store.
func (s *Store) Users(ctx context.Context, scope store.Scope, after string, limit, bytes int) ([]store.User, error) {
	return sqldb.ReadAll(ctx, s.db, userFields, within(userColumns, `u`, `SELECT u.* FROM users u
		WHERE u.organization_id = $1 AND u.directory_id = $2 AND u.id > $3 ORDER BY u.id LIMIT $4`, ` ORDER BY u.id`, `$5`),
		scope.OrganizationID, scope.DirectoryID, after, limit, bytes)
}

// UserPage implements store.Store.
func (s *Store) UserPage(ctx context.Context, scope store.Scope, order store.Order, skip, limit int64, bytes int) ([]store.User, error) {
	// The ids are found in the index alone; only the page's own rows are read.
	return sqldb.ReadAll(ctx, s.db, userFields, within(userColumns, `u`, `SELECT u.* FROM
			(SELECT id FROM users WHERE organization_id = $1 AND directory_id = $2 `+orderBy(order, ``, `user_name_folded`)+` LIMIT $3 OFFSET $4) page
		JOIN users u ON u.organization_id = $1 AND u.id = page.id`, orderBy(order, `u.`, `user_name_folded`), `$5`),
		scope.OrganizationID, scope.DirectoryID, limit, skip, bytes)
}

// The writes of a user. Their arguments: the organization, the directory and the id; the names and values of what is
// looked up; the cause; the user.
const (
	userWrite = `WITH d AS (` + directoryRow + `),
		put AS (`
	// A lost compare-and-set has no row in put, and so writes nothing.
	userWritten = ` RETURNING version),
		search AS (INSERT INTO search_values (organization_id, attribute, value, user_id)
			SELECT $1, n.attribute, n.value, $3 FROM put, unnest($4::text[], $5::text[]) n (attribute, value) ON CONFLICT DO NOTHING),
		change AS (INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
				member_group, message_id, traceparent, time)
			SELECT $1, $2, false, $3, version, $6::integer, '', false, $7, $8, $9::bigint FROM put RETURNING transaction, sequence)`
	userUnsearched = `,
		unsearch AS (DELETE FROM search_values s USING put WHERE s.organization_id = $1 AND s.user_id = $3 AND NOT EXISTS
			(SELECT 1 FROM unnest($4::text[], $5::text[]) n (attribute, value) WHERE n.attribute = s.attribute AND n.value = s.value))`
	userOutcome = `
		SELECT (SELECT closed FROM d), (SELECT transaction FROM change), (SELECT sequence FROM change)`

	createUser = userWrite + `INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id,
			display_name, active, version, document, create_time, update_time)
			SELECT $1, $2, $3, $10, $11, $12, $13, $14::boolean, 1, $15::bytea, $9, $9 FROM d WHERE NOT d.closed` + userWritten + userOutcome

	// The user is in directory $16, where it stays or which it leaves.
	updateUser = userWrite + `UPDATE users SET directory_id = $2, user_name = $10, user_name_folded = $11, external_id = $12,
			display_name = $13, active = $14, version = version + 1, document = $15, update_time = $9 FROM d
			WHERE NOT d.closed AND organization_id = $1 AND id = $3 AND directory_id = $16 AND version = $17` + userWritten + userUnsearched + userOutcome
)

// writeUser runs one of them, with its further arguments, and so gives the user a version.
func (s *Store) writeUser(ctx context.Context, statement string, u store.User, version int64, kind store.ChangeKind, cause store.Cause, more ...any) (w store.Written, err error) {
	attributes, values := make([]string, 0, len(u.Search)), make([]string, 0, len(u.Search))
	for _, v := range u.Search {
		attributes, values = append(attributes, v.Attribute), append(values, v.Value)
	}
	args := append([]any{
		u.OrganizationID, u.DirectoryID, u.ID, attributes, values, int(kind), cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time),
		u.UserName, u.UserNameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
	}, more...)
	var closed *bool
	var written recorded
	err = again(func() error {
		batch := &pgx.Batch{}
		batch.Queue(lockDirectory, u.OrganizationID, u.DirectoryID)
		batch.Queue(statement, args...).QueryRow(func(row pgx.Row) error {
			return row.Scan(&closed, &written.transaction, &written.sequence)
		})
		return s.db.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return w, taken(err)
	}
	if err := refuseClosed(closed, u.DirectoryID); err != nil {
		return w, err
	}
	if written.none() {
		return w, store.ErrChanged
	}
	s.wakeup.Wrote()
	return store.Written{Version: version, UpdateTime: cause.Time, Cursor: written.cursor(s.db.Epoch())}, nil
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u store.User, cause store.Cause) (store.Written, error) {
	return s.writeUser(ctx, createUser, u, 1, store.Created, cause)
}

// taken names the attribute whose value another user of the directory has.
func taken(err error) error {
	attribute := map[string]string{"users_user_name": "userName", "users_external_id": "externalId"}[sqldb.ViolatedConstraint(err)]
	if attribute == "" {
		return err
	}
	return fault.New(fault.Uniqueness, "another user of this directory has this %s", attribute).With("attribute", attribute)
}

// DetachedUser implements store.Store.
func (s *Store) DetachedUser(ctx context.Context, organizationID string, directoryIDs []string, by store.Names) (store.User, error) {
	return sqldb.ReadOne(ctx, s.db, userFields, fault.Missing("user", "of these names"), `SELECT `+userColumns+`
		FROM `+eachDirectory+` CROSS JOIN LATERAL (
			SELECT 1 AS way, u.* FROM users u WHERE u.organization_id = $1 AND u.directory_id = d.id AND u.external_id = $3 AND u.external_id <> ''
			UNION ALL
			SELECT 2, u.* FROM users u WHERE u.organization_id = $1 AND u.directory_id = d.id AND u.user_name_folded = $4) u
		ORDER BY u.way, d.place LIMIT 1`, organizationID, directoryIDs, by.ExternalID, by.Folded)
}

// eachDirectory is a table of the directories $2 in their order.
const eachDirectory = `unnest($2::text[]) WITH ORDINALITY d (id, place)`

// UpdateUser implements store.Store.
func (s *Store) UpdateUser(ctx context.Context, u store.User, cause store.Cause) (store.Written, error) {
	return s.writeUser(ctx, updateUser, u, u.Version+1, store.Updated, cause, u.DirectoryID, u.Version)
}

// AdoptUser implements store.Store.
func (s *Store) AdoptUser(ctx context.Context, from string, u store.User, cause store.Cause) (store.Written, error) {
	return s.writeUser(ctx, updateUser, u, u.Version+1, store.Created, cause, from, u.Version)
}

// DeleteUser implements store.Store.
func (s *Store) DeleteUser(ctx context.Context, scope store.Scope, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx) error {
		if err := lockGroupsOf(ctx, tx, scope.OrganizationID, id); err != nil {
			return err
		}
		u, err := oneUser(ctx, tx, scope, id, `u.id = $3`+lockToDelete, id)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, u.Version) {
			return store.ErrChanged
		}
		w.Version = u.Version + 1
		w.Cursor, err = s.removeUser(ctx, tx, scope, id, w.Version, cause)
		return err
	})
	return w, err
}

// removeUser removes a user that is locked to be deleted, and whose groups are, its memberships too, with the record of it.
func (s *Store) removeUser(ctx context.Context, tx pgx.Tx, scope store.Scope, id string, revision int64, cause store.Cause) (feed.Cursor, error) {
	for _, statement := range []string{
		`DELETE FROM users WHERE organization_id = $1 AND id = $2`,
		`DELETE FROM search_values WHERE organization_id = $1 AND user_id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, scope.OrganizationID, id); err != nil {
			return feed.Cursor{}, err
		}
	}
	if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
		return feed.Cursor{}, err
	}
	return s.record(ctx, tx, scope, record{id: id, revision: revision, kind: store.Deleted}, cause)
}

// lockGroupsOf locks the groups that a member is in, before the member: who edits a group's members locks in that order too.
func lockGroupsOf(ctx context.Context, tx pgx.Tx, organizationID, memberID string) error {
	_, err := tx.Exec(ctx, `SELECT g.id FROM groups g WHERE g.organization_id = $1 AND g.id IN
		(SELECT group_id FROM members WHERE organization_id = $1 AND member_id = $2) ORDER BY g.id`+lockToChange, organizationID, memberID)
	return err
}

// leaveGroups takes what is deleted out of every group, and gives each of them a new version. The deletion's own change
// record speaks for them.
func leaveGroups(ctx context.Context, tx pgx.Tx, organizationID, memberID string, cause store.Cause) error {
	_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM members WHERE organization_id = $2 AND member_id = $3 RETURNING group_id)
		UPDATE groups SET version = version + 1, update_time = $1 WHERE organization_id = $2 AND id IN (SELECT group_id FROM gone)`,
		sqldb.Time(&cause.Time), organizationID, memberID)
	return err
}

// around finds the groups of organization $1's directory $2 around users: a row for each member of a group, be it one of
// them or a group that was found, and one without a member for the name of each group. The users of a page are mostly in
// the same groups, so that names are looked up once.
func around(users string) string {
	return `WITH RECURSIVE edge (member_id, id) AS (
			SELECT wanted.id COLLATE "C", m.group_id COLLATE "C" FROM ` + users + ` wanted (id)
			CROSS JOIN LATERAL (` + groupsOfOne + `wanted.id ` + eachByItself + `) m
			UNION
			SELECT found.id, m.group_id FROM (SELECT DISTINCT id FROM edge) found
			CROSS JOIN LATERAL (` + groupsOfOne + `found.id ` + eachByItself + `) m)
		SELECT member_id, id, '' FROM edge
		UNION ALL
		SELECT '', g.id, g.display_name FROM (SELECT DISTINCT id FROM edge) found
		CROSS JOIN LATERAL (SELECT id, display_name FROM groups
			WHERE organization_id = $1 AND id = found.id AND directory_id = $2 ` + eachByItself + `) g`
}

const groupsOfOne = `SELECT group_id FROM members WHERE organization_id = $1 AND member_id = `

// edges are the groups that each user or group is directly in.
type edges map[string][]store.GroupRef

// readEdges reads the rows of around. A group without a name is another directory's, which this one can't see.
func readEdges(rows pgx.Rows) (edges, error) {
	e, names := edges{}, map[string]string{}
	var member, id, name string
	_, err := pgx.ForEachRow(rows, []any{&member, &id, &name}, func() error {
		if member == "" {
			names[id] = name
		} else {
			e[member] = append(e[member], store.GroupRef{ID: id})
		}
		return nil
	})
	for member, groups := range e {
		seen := groups[:0]
		for _, g := range groups {
			if name, ok := names[g.ID]; ok {
				seen = append(seen, store.GroupRef{ID: g.ID, Display: name})
			}
		}
		e[member] = seen
	}
	return e, err
}

// groups are those that a user is in, by id. One may be reached on several ways; it is direct if one of them is.
func (e edges) groups(userID string) []store.GroupRef {
	found := []store.GroupRef{}
	seen := map[string]bool{}
	for _, g := range e[userID] {
		g.Direct, seen[g.ID] = true, true
		found = append(found, g)
	}
	for i := 0; i < len(found); i++ {
		for _, g := range e[found[i].ID] {
			if !seen[g.ID] {
				seen[g.ID] = true
				found = append(found, g)
			}
		}
	}
	slices.SortFunc(found, func(a, b store.GroupRef) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// UserGroups implements store.Store.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]store.GroupRef, error) {
	rows, err := s.db.Query(ctx, around(`unnest($3::text[])`), scope.OrganizationID, scope.DirectoryID, userIDs)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	e, err := readEdges(rows)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	groups := map[string][]store.GroupRef{}
	for _, id := range userIDs {
		if len(e[id]) > 0 {
			groups[id] = e.groups(id)
		}
	}
	return groups, nil
}

// UserWithGroups implements store.Store.
func (s *Store) UserWithGroups(ctx context.Context, scope store.Scope, by store.Lookup) (u store.User, err error) {
	what, condition, value := by.ID, `u.id = $3`, by.ID
	switch {
	case by.UserNameFolded != "":
		what, condition, value = ofUserName, isUserName, by.UserNameFolded
	case by.ExternalID != "":
		what, condition, value = ofExternalID, isExternalID, by.ExternalID
	}
	condition = ` FROM users u WHERE u.organization_id = $1 AND u.directory_id = $2 AND ` + condition
	batch := &pgx.Batch{}
	batch.Queue(`SELECT `+userColumns+condition, scope.OrganizationID, scope.DirectoryID, value).
		QueryRow(func(row pgx.Row) error { return row.Scan(userFields(&u)...) })
	batch.Queue(around(`(SELECT u.id`+condition+`)`), scope.OrganizationID, scope.DirectoryID, value).
		Query(func(rows pgx.Rows) error {
			e, err := readEdges(rows)
			u.Groups = e.groups(u.ID)
			return err
		})
	err = s.db.SendBatch(ctx, batch).Close()
	if errors.Is(err, pgx.ErrNoRows) || sqldb.Unstorable(err) {
		return store.User{}, fault.Missing("user", what)
	}
	return u, sqldb.Reach(err)
}
