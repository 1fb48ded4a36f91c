package sqlite

import (
	"context"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// table keeps the resources of a type. Its statements have the organization as ?1.
type table struct {
	of         store.Type
	name       string // the attribute that is the name
	nameColumn string
	columns    string // of a row r, as read reads them
	summary    string // columns of a row r and its directory d, as readFacts reads them
	read       func(*store.Resource) []any
	readFacts  func(*store.Facts) []any

	get map[store.Way]string // one of directory ?2, with the value ?3
	// getWithEdges is get for users, and reads the edges around the user along: see readWithEdges.
	getWithEdges map[store.Way]string
	list         string // after ?3, at most ?4, in directory ?2
	byID         string // of the ids ?3, in directory ?2
	page         map[store.Order]string
	detached     string // with the externalId ?3 or the name ?4, in one of the directories ?2
	candidates   string // ids in a directory. A condition follows.
	version      string // of the one with the id ?3 in directory ?2
	remove       []string

	// unique refuses what another resource has. insert and update write at a time. update is of one in the directory from;
	// store.ErrChanged: not in its version.
	unique func(ctx context.Context, tx *sqldb.Tx, d store.Directory, r store.Resource) error
	insert func(ctx context.Context, tx *sqldb.Tx, r store.Resource, at *sqldb.MicroTime) error
	update func(ctx context.Context, tx *sqldb.Tx, from string, r store.Resource, at *sqldb.MicroTime) error

	ids       string               // after ?2, at most ?3
	find      map[store.Way]string // after ?2, at most ?3, with the value ?4
	summaries string               // of the ids ?2
}

var tables = map[store.Type]*table{store.User: userTable(), store.Group: groupTable()}

func userTable() *table {
	t := &table{
		of: store.User, unique: uniqueUser, insert: insertUser, update: updateUser, name: "userName", nameColumn: `user_name_folded`,
		columns: `r.organization_id, r.directory_id, r.id, r.user_name, r.user_name_folded, r.external_id, r.display_name,
			r.active, r.version, r.document, r.create_time, r.update_time`,
		summary: `r.organization_id, r.directory_id, r.id, r.user_name, r.external_id, r.active, r.version, r.update_time, d.closed`,
		remove: []string{
			`DELETE FROM users WHERE organization_id = ?1 AND id = ?2`,
			`DELETE FROM search_values WHERE organization_id = ?1 AND user_id = ?2`,
		},
	}
	t.write(`users`)
	t.getWithEdges = map[store.Way]string{}
	for way, query := range t.get {
		t.getWithEdges[way] = strings.Replace(query, ` FROM `, edgesAround+` FROM `, 1)
	}
	t.find[store.WithEmail] = `SELECT ` + t.summary + ` FROM search_values s CROSS JOIN users r ON r.organization_id = ?1 AND r.id = s.user_id` +
		ofDirectory + ` WHERE s.organization_id = ?1 AND s.attribute = 'emails' AND s.value = ?4 AND s.user_id > ?2 ORDER BY s.user_id LIMIT ?3`
	return t
}

func groupTable() *table {
	t := &table{
		of: store.Group, unique: uniqueGroup, insert: insertGroup, update: adoptGroup, name: "displayName", nameColumn: `display_name_folded`,
		columns: `r.organization_id, r.directory_id, r.id, r.display_name, r.display_name_folded, r.external_id,
			r.version, r.document, r.create_time, r.update_time`,
		summary: `r.organization_id, r.directory_id, r.id, r.display_name, r.external_id, 0, r.version, r.update_time, d.closed`,
		remove:  []string{`DELETE FROM groups WHERE organization_id = ?1 AND id = ?2`},
	}
	t.write(`groups`)
	// Names are indexed in the organization, since many groups may have one.
	t.find[store.WithName] = `SELECT ` + t.summary + ` FROM groups r` + ofDirectory + `
		WHERE r.organization_id = ?1 AND r.display_name_folded = ?4 AND r.id > ?2 ORDER BY r.id LIMIT ?3`
	return t
}

// ofDirectory joins the directory d of a resource r.
const ofDirectory = ` JOIN directories d ON d.organization_id = r.organization_id AND d.id = r.directory_id`

// write makes the statements that are the same for each table but for its name and its columns. See list for CROSS JOIN.
func (t *table) write(from string) {
	t.read, t.readFacts = rows.Resource(t.of), rows.Summary(t.of)
	isName := `r.` + t.nameColumn
	one := `SELECT ` + t.columns + ` FROM ` + from + ` r WHERE r.organization_id = ?1 AND r.directory_id = ?2 AND `
	t.get = map[store.Way]string{
		store.WithID: one + `r.id = ?3`, store.WithName: one + isName + ` = ?3`,
		store.WithExternalID: one + `r.external_id = ?3 AND r.external_id <> ''`,
	}
	t.list = one + `r.id > ?3 ORDER BY r.id LIMIT ?4`
	t.byID = `SELECT ` + t.columns + ` FROM json_each(?3) wanted
		CROSS JOIN ` + from + ` r ON r.organization_id = ?1 AND r.id = wanted.value AND r.directory_id = ?2` // in the order of the ids: see below
	t.page = map[store.Order]string{}
	for _, order := range rows.Orders() {
		// The ids are found in the index alone; only the page's own rows are read, in its order, which CROSS JOIN keeps. To order
		// them once more would put all their documents into a B-tree in memory before the first one is given.
		t.page[order] = `SELECT ` + t.columns + ` FROM
				(SELECT id FROM ` + from + ` WHERE organization_id = ?1 AND directory_id = ?2 ` + rows.OrderBy(order, ``, t.nameColumn) + ` LIMIT ?3 OFFSET ?4) page
			CROSS JOIN ` + from + ` r ON r.organization_id = ?1 AND r.id = page.id`
	}
	// The directories first.
	inEach := func(way, condition string) string {
		return `SELECT ` + way + ` AS way, d.key AS place, min(r.id) AS id FROM json_each(?2) d
			CROSS JOIN ` + from + ` r ON r.organization_id = ?1 AND r.directory_id = d.value AND ` + condition + ` GROUP BY d.key HAVING count(*) = 1`
	}
	t.detached = `SELECT ` + t.columns + ` FROM (` + inEach(`1`, `r.external_id = ?3 AND r.external_id <> ''`) + `
			UNION ALL ` + inEach(`2`, isName+` = ?4`) + ` ORDER BY 1, 2 LIMIT 1) found
		CROSS JOIN ` + from + ` r ON r.organization_id = ?1 AND r.id = found.id`
	t.candidates = `SELECT id FROM ` + from + ` WHERE organization_id = ? AND directory_id = ? AND `
	t.version = `SELECT version FROM ` + from + ` WHERE organization_id = ?1 AND directory_id = ?2 AND id = ?3`

	t.ids = `SELECT id FROM ` + from + ` WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3`
	every := `SELECT ` + t.summary + ` FROM ` + from + ` r` + ofDirectory + ` WHERE r.organization_id = ?1 AND `
	// The directories first, of which an organization has few: names are indexed within each.
	anywhere := `SELECT ` + t.summary + ` FROM directories d CROSS JOIN ` + from + ` r ON r.organization_id = d.organization_id AND r.directory_id = d.id
		WHERE d.organization_id = ?1 AND r.id > ?2 AND `
	t.find = map[store.Way]string{
		store.Every:          every + `r.id > ?2 ORDER BY r.id LIMIT ?3`,
		store.WithID:         every + `r.id = ?4 AND r.id > ?2 LIMIT ?3`,
		store.WithName:       anywhere + isName + ` = ?4 ORDER BY r.id LIMIT ?3`,
		store.WithExternalID: anywhere + `r.external_id = ?4 AND r.external_id <> '' ORDER BY r.id LIMIT ?3`,
	}
	t.summaries = `SELECT ` + t.summary + ` FROM json_each(?2) wanted
		CROSS JOIN ` + from + ` r ON r.organization_id = ?1 AND r.id = wanted.value` + ofDirectory
}
