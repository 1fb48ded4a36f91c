package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// eachID is a table of the ids $2 of organization $1, each once, that are looked up one by one: see eachOf.
const eachID = `(SELECT $1::text AS organization_id, id FROM (SELECT DISTINCT unnest($2::text[]) AS id) ids ` + eachByItself + `) n`

// eachUser and eachGroup are tables of the users and groups of eachID, with their directories. Where nothing was analyzed yet the
// planner may believe that a directory has few users, and would read all of it for each id.
const (
	eachUser = eachID + ` CROSS JOIN LATERAL (SELECT * FROM users
		WHERE organization_id = n.organization_id AND id = n.id ` + eachByItself + `) u` + ofUser
	ofUser    = ` JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id`
	eachGroup = eachID + ` CROSS JOIN LATERAL (SELECT * FROM groups
		WHERE organization_id = n.organization_id AND id = n.id ` + eachByItself + `) g` + ofGroup
	ofGroup = ` JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id`
)

// UserStatuses implements store.Store.
func (s *Store) UserStatuses(ctx context.Context, organizationID string, ids []string) ([]store.UserStatus, error) {
	return sqldb.ReadAll(ctx, s.db, func(u *store.UserStatus) []any {
		return []any{&u.OrganizationID, &u.DirectoryID, &u.ID, &u.Active, &u.Detached, &u.Version, sqldb.Time(&u.UpdateTime)}
	}, `SELECT u.organization_id, u.directory_id, u.id, u.active, d.closed, u.version, u.update_time FROM `+eachUser, organizationID, ids)
}

const (
	// sized is the condition that a user u is within $3 bytes of documents, or is the first one. A document that is kept apart
	// is not read for its length.
	sized = `(u.upto <= $3 OR u.upto = octet_length(u.document))`
	upto  = `, sum(octet_length(u.document)) OVER (ORDER BY u.id) AS upto`
	// factsUsers reads whom a read takes, and how many there are.
	factsUsers = `SELECT ` + userColumns + `, u.closed, u.there
		FROM (SELECT u.*, d.closed, count(*) OVER () AS there` + upto + ` FROM ` + eachUser + `) u WHERE ` + sized + ` ORDER BY u.id`
	// factsSeed is a query of those whose groups are asked for: all of them or, where $4, those that are live.
	factsSeed = `SELECT u.id FROM (SELECT u.id, u.document, u.active AND NOT d.closed AS live` + upto + ` FROM ` + eachUser + `) u
		WHERE ` + sized + ` AND (u.live OR NOT $4::boolean)`
)

// Facts implements store.Store.
func (s *Store) Facts(ctx context.Context, organizationID string, ids []string, most store.FactsBounds) (p store.FactsPage, err error) {
	// One snapshot, and one round trip.
	var users []store.Facts
	var found []store.Edge
	there := 0
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	batch.Queue(factsUsers, organizationID, ids, most.Bytes).Query(func(rows pgx.Rows) error {
		users, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f store.Facts, err error) {
			return f, row.Scan(append(userFields(&f.User), &f.Detached, &there)...)
		})
		return err
	})
	batch.Queue(above(factsSeed, `$5`), organizationID, ids, most.Bytes, most.Live, most.Edges+1).Query(func(rows pgx.Rows) error {
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e store.Edge, err error) {
			return e, row.Scan(edgeFields(&e)...)
		})
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.db.SendBatch(ctx, batch).Close(); err != nil {
		return p, sqldb.Reach(err)
	}
	return store.NewFactsPage(ids, users, there, found, most), nil
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

const groupFactsColumns = `SELECT g.organization_id, g.directory_id, g.id, g.display_name, g.display_name_folded, g.external_id,
	g.version, ''::bytea, g.create_time, g.update_time, d.closed FROM `

const groupFactsQuery = groupFactsColumns + `groups g` + ofGroup + ` `

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
	return sqldb.ReadAll(ctx, s.db, groupFactsFields, groupFactsColumns+eachGroup, organizationID, ids)
}
