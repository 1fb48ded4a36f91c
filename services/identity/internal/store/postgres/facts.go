package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// eachID is a table of the ids $2 of organization $1, each once, that are looked up one by one: see eachOf.
const eachID = `(SELECT $1::text AS organization_id, id FROM (SELECT DISTINCT unnest($2::text[]) AS id) ids ` + eachByItself + `) n`

// Facts implements store.Store.
func (s *Store) Facts(ctx context.Context, organizationID string, ids []string) ([]store.Facts, error) {
	// One statement, so that users and their groups are of one moment.
	return sqldb.ReadAll(ctx, s.db, func(f *store.Facts) []any { return append(userFields(&f.User), &f.Detached, &f.GroupIDs) },
		`SELECT `+userColumns+`, d.closed, ARRAY(WITH RECURSIVE inside (id) AS (
				SELECT group_id FROM members WHERE organization_id = $1 AND member_id = u.id
				UNION
				SELECT m.group_id FROM inside CROSS JOIN LATERAL (SELECT group_id FROM members
					WHERE organization_id = $1 AND member_id = inside.id `+eachByItself+`) m)
			SELECT id FROM inside ORDER BY id)
		FROM `+eachID+` JOIN users u ON u.organization_id = n.organization_id AND u.id = n.id
		JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id`, organizationID, ids)
}

// FindUsers implements store.Store.
func (s *Store) FindUsers(ctx context.Context, organizationID string, by store.Lookup, limit int) ([]string, error) {
	var query, value string
	switch {
	case by.UserNameFolded != "":
		query, value = `SELECT u.id FROM directories d JOIN users u ON u.organization_id = d.organization_id AND u.directory_id = d.id
			AND u.user_name_folded = $2 WHERE d.organization_id = $1 ORDER BY u.id LIMIT $3`, by.UserNameFolded
	case by.ExternalID != "":
		query, value = `SELECT u.id FROM directories d JOIN users u ON u.organization_id = d.organization_id AND u.directory_id = d.id
			AND u.external_id = $2 AND u.external_id <> '' WHERE d.organization_id = $1 ORDER BY u.id LIMIT $3`, by.ExternalID
	case by.EmailFolded != "":
		query, value = `SELECT user_id FROM search_values WHERE organization_id = $1 AND attribute = 'emails' AND value = $2
			ORDER BY user_id LIMIT $3`, by.EmailFolded
	default:
		query, value = `SELECT id FROM users WHERE organization_id = $1 AND id = $2 LIMIT $3`, by.ID
	}
	return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], query, organizationID, value, limit)
}

// UserIDs implements store.Store.
func (s *Store) UserIDs(ctx context.Context, organizationID, after string, limit int) ([]string, error) {
	return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `SELECT id FROM users WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		organizationID, after, limit)
}

const groupFactsColumns = `SELECT ` + groupColumns + `, d.closed FROM `

const groupFactsQuery = groupFactsColumns + `groups g
	JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id `

func groupFactsFields(f *store.GroupFacts) []any { return append(groupFields(&f.Group), &f.Detached) }

// FindGroups implements store.Store.
func (s *Store) FindGroups(ctx context.Context, organizationID, folded, after string, limit int) ([]store.GroupFacts, error) {
	if folded == "" {
		return sqldb.ReadAll(ctx, s.db, groupFactsFields, groupFactsQuery+`WHERE g.organization_id = $1 AND g.id > $2 ORDER BY g.id LIMIT $3`,
			organizationID, after, limit)
	}
	return sqldb.ReadAll(ctx, s.db, groupFactsFields, groupFactsQuery+
		`WHERE g.organization_id = $1 AND g.display_name_folded = $2 AND g.id > $3 ORDER BY g.id LIMIT $4`,
		organizationID, folded, after, limit)
}

// GroupFacts implements store.Store.
func (s *Store) GroupFacts(ctx context.Context, organizationID string, ids []string) ([]store.GroupFacts, error) {
	return sqldb.ReadAll(ctx, s.db, groupFactsFields, groupFactsColumns+eachID+`
		JOIN groups g ON g.organization_id = n.organization_id AND g.id = n.id
		JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id`, organizationID, ids)
}
