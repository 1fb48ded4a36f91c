package postgres

import (
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
)

// table keeps the resources of a type. Its statements have the organization as $1.
type table struct {
	of         store.Type
	name       string // the attribute that is the name
	nameColumn string
	columns    string // of a row r, as read reads them
	summary    string // columns of a row r and its directory d, as readSummary reads them
	read       func(*store.Resource) []any
	readFacts  func(*store.Facts) []any

	get        map[store.Way]string // one of directory $2, with the value $3
	list       string               // after $3, at most $4, of $5 bytes, as below
	byID       string               // of the ids $2, in directory $3
	page       map[store.Order]string
	detached   string // with the externalId $3 or the name $4, in one of the directories $2
	candidates string // ids in directory $2. A condition follows.
	version    string // of the one with the id $3 in directory $2, which is locked to be deleted
	remove     []string

	ids       string               // after $2, at most $3
	find      map[store.Way]string // after $2, at most $3, with the value $4
	summaries string               // of the ids $2
}

var tables = map[store.Type]*table{store.User: userTable(), store.Group: groupTable()}

func userTable() *table {
	t := &table{
		of: store.User, name: "userName", nameColumn: `user_name_folded`,
		columns: `r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
			r.active, r.version, r.document, r.create_time, r.update_time`,
		summary: `r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed`,
		remove: []string{
			`DELETE FROM users WHERE organization_id = $1 AND id = $2`,
			`DELETE FROM search_values WHERE organization_id = $1 AND user_id = $2`,
		},
	}
	t.write(`users`)
	t.find[store.WithEmail] = `SELECT ` + t.summary + ` FROM (SELECT organization_id, user_id FROM search_values
			WHERE organization_id = $1 AND attribute = 'emails' AND value = $4 AND user_id > $2 ORDER BY user_id LIMIT $3) n
		CROSS JOIN LATERAL (SELECT * FROM users WHERE organization_id = n.organization_id AND id = n.user_id ` + eachByItself + `) r` + ofDirectory + `
		ORDER BY r.id`
	return t
}

func groupTable() *table {
	t := &table{
		of: store.Group, name: "displayName", nameColumn: `display_name_folded`,
		columns: `r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id,
			r.version, r.document, r.create_time, r.update_time`,
		summary: `r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, false, r.version, r.update_time, d.closed`,
		remove:  []string{`DELETE FROM groups WHERE organization_id = $1 AND id = $2`},
	}
	t.write(`groups`)
	// Names are indexed in the organization, since many groups may have one.
	t.find[store.WithName] = `SELECT ` + t.summary + ` FROM groups r` + ofDirectory + `
		WHERE r.organization_id = $1 AND r.display_name_folded = $4 AND r.id > $2 ORDER BY r.id LIMIT $3`
	return t
}

// write makes the statements that are the same for each table but for its name and its columns.
func (t *table) write(from string) {
	t.read, t.readFacts = rows.Resource(t.of), rows.Summary(t.of)
	isName := `r.` + t.nameColumn
	one := `SELECT ` + t.columns + ` FROM ` + from + ` r WHERE r.organization_id = $1 AND r.directory_id = $2 AND `
	t.get = map[store.Way]string{
		store.WithID: one + `r.id = $3`, store.WithName: one + isName + ` = $3`,
		store.WithExternalID: one + `r.external_id = $3 AND r.external_id <> ''`,
	}
	t.list = t.within(`SELECT r.* FROM `+from+` r
		WHERE r.organization_id = $1 AND r.directory_id = $2 AND r.id > $3 ORDER BY r.id LIMIT $4`, ` ORDER BY r.id`, `$5`)
	t.byID = t.within(`SELECT r.* FROM `+eachID+`
		JOIN `+from+` r ON r.organization_id = n.organization_id AND r.id = n.id WHERE r.directory_id = $3`, ` ORDER BY r.id`, `$4`)
	t.page = map[store.Order]string{}
	for _, order := range rows.Orders() {
		// The ids are found in the index alone; only the page's own rows are read.
		t.page[order] = t.within(`SELECT r.* FROM
				(SELECT id FROM `+from+` WHERE organization_id = $1 AND directory_id = $2 `+rows.OrderBy(order, ``, t.nameColumn)+` LIMIT $3 OFFSET $4) page
			JOIN `+from+` r ON r.organization_id = $1 AND r.id = page.id`, rows.OrderBy(order, `r.`, t.nameColumn), `$5`)
	}
	// Two are enough to see that a name is ambiguous.
	t.detached = `SELECT ` + t.columns + ` FROM (
			SELECT d.place, r.*, count(*) OVER (PARTITION BY r.way, d.place) AS same
			FROM unnest($2::text[]) WITH ORDINALITY d (id, place) CROSS JOIN LATERAL (
				(SELECT 1 AS way, r.* FROM ` + from + ` r WHERE r.organization_id = $1 AND r.directory_id = d.id AND r.external_id = $3
					AND r.external_id <> '' LIMIT 2)
				UNION ALL
				(SELECT 2, r.* FROM ` + from + ` r WHERE r.organization_id = $1 AND r.directory_id = d.id AND ` + isName + ` = $4 LIMIT 2)) r) r
		WHERE r.same = 1 ORDER BY r.way, r.place LIMIT 1`
	t.candidates = `SELECT id FROM ` + from + ` WHERE organization_id = $1 AND directory_id = $2 AND `
	t.version = `SELECT version FROM ` + from + ` WHERE organization_id = $1 AND directory_id = $2 AND id = $3` + lockToDelete

	t.ids = `SELECT id FROM ` + from + ` WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3`
	every := `SELECT ` + t.summary + ` FROM ` + from + ` r` + ofDirectory + ` WHERE r.organization_id = $1 AND r.id > $2`
	// In each directory an index has the value, and there are few directories.
	inEach := func(condition string) string {
		return `SELECT ` + t.summary + ` FROM directories d CROSS JOIN LATERAL (SELECT * FROM ` + from + ` r
			WHERE r.organization_id = d.organization_id AND r.directory_id = d.id AND ` + condition + ` ` + eachByItself + `) r
			WHERE d.organization_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3`
	}
	t.find = map[store.Way]string{
		store.Every:          every + ` ORDER BY r.id LIMIT $3`,
		store.WithID:         every + ` AND r.id = $4 LIMIT $3`,
		store.WithName:       inEach(isName + ` = $4`),
		store.WithExternalID: inEach(`r.external_id = $4 AND r.external_id <> ''`),
	}
	t.summaries = `SELECT ` + t.summary + ` FROM ` + each(from)
}

// within gives those of a query's rows r, in an order, before which documents have fewer than so many bytes: the first one always.
// PostgreSQL sends all rows of an answer, so that it has to end there. A document that is kept apart is not read for its length.
func (t *table) within(query, order, bytes string) string {
	return `SELECT ` + t.columns + ` FROM (SELECT r.*, octet_length(r.document) AS own,
			sum(octet_length(r.document)) OVER (` + order + ` ROWS UNBOUNDED PRECEDING) AS upto
		FROM (` + query + `) r) r WHERE upto - own < ` + bytes + order
}
