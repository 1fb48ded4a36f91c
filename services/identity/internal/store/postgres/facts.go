package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// eachID is a table of the ids $2 of organization $1, each once, that are looked up one by one: see eachOf.
const eachID = `(SELECT $1::text AS organization_id, id FROM (SELECT DISTINCT unnest($2::text[]) AS id) ids ` + eachByItself + `) n`

// each is a table of the resources r of eachID, with their directories d. Where nothing was analyzed yet the planner may believe that a
// directory has few of them, and would read all of it for each id.
func each(table string) string {
	return eachID + ` CROSS JOIN LATERAL (SELECT * FROM ` + table + `
		WHERE organization_id = n.organization_id AND id = n.id ` + eachByItself + `) r` + ofDirectory
}

// ofDirectory joins the directory d of a resource r.
const ofDirectory = ` JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id`

// sized is the condition that a user r is within $3 bytes of documents, or is the first one. A document that is kept apart
// is not read for its length.
const (
	sized = `(r.upto <= $3 OR r.upto = octet_length(r.document))`
	upto  = `, sum(octet_length(r.document)) OVER (ORDER BY r.id) AS upto`
)

var (
	// factsUsers reads whom a read takes, and how many there are.
	factsUsers = `SELECT ` + tables[store.User].columns + `, r.closed, r.there
		FROM (SELECT r.*, d.closed, count(*) OVER () AS there` + upto + ` FROM ` + each(`users`) + `) r WHERE ` + sized + ` ORDER BY r.id`
	// factsEdges reads the memberships of those whose groups are asked for: all of them or, where $4, those that are live.
	factsEdges = above(`SELECT r.id FROM (SELECT r.id, r.document, r.active AND NOT d.closed AS live`+upto+` FROM `+each(`users`)+`) r
		WHERE `+sized+` AND (r.live OR NOT $4::boolean)`, `$5`)
)

// Facts implements store.Store.
func (s *Store) Facts(ctx context.Context, organizationID string, ids []string, most store.FactsBounds) (p store.FactsPage, err error) {
	// One snapshot, and one round trip.
	var users []store.Facts
	var found []store.Edge
	there := 0
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	batch.Queue(factsUsers, organizationID, ids, most.Bytes).Query(func(read pgx.Rows) error {
		users, err = pgx.CollectRows(read, func(row pgx.CollectableRow) (f store.Facts, err error) {
			return f, row.Scan(append(tables[store.User].read(&f.Resource), &f.Detached, &there)...)
		})
		return err
	})
	batch.Queue(factsEdges, organizationID, ids, most.Bytes, most.Live, most.Edges+1).Query(func(read pgx.Rows) error {
		found, err = pgx.CollectRows(read, func(row pgx.CollectableRow) (e store.Edge, err error) {
			return e, row.Scan(rows.Edge(&e)...)
		})
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.db.SendBatch(ctx, batch).Close(); err != nil {
		return p, sqldb.Reach(err)
	}
	return store.NewFactsPage(ids, users, there, found, most), nil
}
