package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

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
func (s *Store) writeUser(ctx context.Context, statement string, u store.Resource, version int64, kind store.ChangeKind, cause store.Cause, more ...any) (w store.Written, err error) {
	attributes, values := make([]string, 0, len(u.Search)), make([]string, 0, len(u.Search))
	for _, v := range u.Search {
		attributes, values = append(attributes, v.Attribute), append(values, v.Value)
	}
	args := append([]any{
		u.OrganizationID, u.DirectoryID, u.ID, attributes, values, int(kind), cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time),
		u.Name, u.NameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
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

// taken names the attribute whose value another user of the directory has.
func taken(err error) error {
	attribute := map[string]string{"users_user_name": "userName", "users_external_id": "externalId"}[sqldb.ViolatedConstraint(err)]
	if attribute == "" {
		return err
	}
	return store.Taken(store.User, attribute)
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

// aroundAll is around the users $3.
var aroundAll = around(`unnest($3::text[])`)

// aroundOne is around the user with the value $3.
var aroundOne = map[store.Way]string{
	store.WithID:         around(userWith(`id = $3`)),
	store.WithName:       around(userWith(`user_name_folded = $3`)),
	store.WithExternalID: around(userWith(`external_id = $3 AND external_id <> ''`)),
}

func userWith(condition string) string {
	return `(SELECT id FROM users WHERE organization_id = $1 AND directory_id = $2 AND ` + condition + `)`
}

const groupsOfOne = `SELECT group_id FROM members WHERE organization_id = $1 AND member_id = `

// edges are the groups that each user or group is directly in.
type edges map[string][]scim.GroupRef

// readEdges reads the rows of around. A group without a name is another directory's, which this one can't see.
func readEdges(found pgx.Rows) (edges, error) {
	e, names := edges{}, map[string]string{}
	var member, id, name string
	_, err := pgx.ForEachRow(found, []any{&member, &id, &name}, func() error {
		if member == "" {
			names[id] = name
		} else {
			e[member] = append(e[member], scim.GroupRef{ID: id})
		}
		return nil
	})
	for member, groups := range e {
		seen := groups[:0]
		for _, g := range groups {
			if name, ok := names[g.ID]; ok {
				seen = append(seen, scim.GroupRef{ID: g.ID, Display: name})
			}
		}
		e[member] = seen
	}
	return e, err
}

// groups are those that a user is in, by id. One may be reached on several ways; it is direct if one of them is.
func (e edges) groups(userID string) []scim.GroupRef {
	found := []scim.GroupRef{}
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
	slices.SortFunc(found, func(a, b scim.GroupRef) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// UserGroups implements store.Store.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]scim.GroupRef, error) {
	found, err := s.db.Query(ctx, aroundAll, scope.OrganizationID, scope.DirectoryID, userIDs)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	e, err := readEdges(found)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	groups := map[string][]scim.GroupRef{}
	for _, id := range userIDs {
		if len(e[id]) > 0 {
			groups[id] = e.groups(id)
		}
	}
	return groups, nil
}
