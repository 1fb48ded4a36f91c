package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scim"
)

// The statements that write a user.
var (
	createUser = statements.Load("create_user", "organization_id", "directory_id", "id", "attributes", "values", "kind", "message_id",
		"traceparent", "time", "user_name", "user_name_folded", "external_id", "display_name", "active", "document")
	updateUser = statements.Load("update_user", "organization_id", "directory_id", "id", "attributes", "values", "kind", "message_id",
		"traceparent", "time", "user_name", "user_name_folded", "external_id", "display_name", "active", "document", "from", "version", "detached")
)

var (
	listGroupsAround     = statements.Load("list_groups_around", "organization_id", "directory_id", "user_ids")
	listGroupsAroundUser = map[store.Criterion]string{
		store.WithID:         statements.Load("list_groups_around_user", "organization_id", "directory_id", "id"),
		store.WithName:       statements.Load("list_groups_around_user_by_name", "organization_id", "directory_id", "name"),
		store.WithExternalID: statements.Load("list_groups_around_user_by_external_id", "organization_id", "directory_id", "external_id"),
	}
)

// writeUser runs one of them, with its further arguments, and gives the user a new version.
func (s *Store) writeUser(ctx context.Context, statement string, u store.Resource, version int64, kind store.ChangeKind, cause store.Cause, more ...any) (store.Written, error) {
	closed, written, err := s.sendUser(ctx, statement, u, kind, cause, more...)
	if err != nil {
		return store.Written{}, err
	}
	if err := refuseClosed(closed, u.DirectoryID); err != nil {
		return store.Written{}, err
	}
	return s.wroteUser(written, version, cause)
}

func (s *Store) UpdateDetached(ctx context.Context, u store.Resource, cause store.Cause) (store.Written, error) {
	closed, written, err := s.sendUser(ctx, updateUser, u, store.Updated, cause, u.DirectoryID, u.Version, true)
	if err != nil {
		return store.Written{}, err
	}
	if closed == nil || !*closed {
		return store.Written{}, store.NotDetached(u.ID)
	}
	return s.wroteUser(written, u.Version+1, cause)
}

// sendUser sends a write in one round trip. closed is nil for an unknown directory.
func (s *Store) sendUser(ctx context.Context, statement string, u store.Resource, kind store.ChangeKind, cause store.Cause, more ...any) (closed *bool, written recorded, err error) {
	attributes, values := make([]string, 0, len(u.Search)), make([]string, 0, len(u.Search))
	for _, v := range u.Search {
		attributes, values = append(attributes, v.Attribute), append(values, v.Value)
	}
	args := append([]any{
		u.OrganizationID, u.DirectoryID, u.ID, attributes, values, int(kind), cause.MessageID, cause.Traceparent, dbtype.Time(&cause.Time),
		u.Name, u.NameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
	}, more...)
	err = again(func() error {
		batch := &pgx.Batch{}
		batch.Queue(lockDirectory, u.OrganizationID, u.DirectoryID)
		batch.Queue(statement, args...).QueryRow(func(row pgx.Row) error {
			return row.Scan(&closed, &written.transaction, &written.sequence)
		})
		return s.db.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		err = taken(err)
	}
	return closed, written, err
}

// wroteUser returns the result of a write that its directory allowed.
func (s *Store) wroteUser(written recorded, version int64, cause store.Cause) (store.Written, error) {
	if written.none() {
		return store.Written{}, store.ErrChanged
	}
	s.wakeup.Wrote()
	return store.Written{Version: version, UpdateTime: cause.Time, Cursor: written.cursor(s.db.Epoch())}, nil
}

// taken names the attribute with a value that another user of the directory has.
func taken(err error) error {
	attribute := map[string]string{"users_user_name": "userName", "users_external_id": "externalId"}[pgdb.ViolatedConstraint(err)]
	if attribute == "" {
		return err
	}
	return store.Taken(store.User, attribute)
}

// edges are the direct groups of each user or group.
type edges map[string][]scim.GroupRef

// readEdges reads the rows of listGroupsAround. A group without a name belongs to another directory, so this directory
// cannot see it.
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

// groups returns the groups that a user is in, by id. A group may be reached on several paths; it is direct if one of them
// is direct.
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

func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]scim.GroupRef, error) {
	found, err := s.db.Query(ctx, listGroupsAround, scope.OrganizationID, scope.DirectoryID, userIDs)
	if err != nil {
		return nil, pgdb.Reach(err)
	}
	e, err := readEdges(found)
	if err != nil {
		return nil, pgdb.Reach(err)
	}
	groups := map[string][]scim.GroupRef{}
	for _, id := range userIDs {
		if len(e[id]) > 0 {
			groups[id] = e.groups(id)
		}
	}
	return groups, nil
}
