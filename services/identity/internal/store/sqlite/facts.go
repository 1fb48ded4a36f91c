package sqlite

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// list passes ids to SQL as one argument, each once. Where they are joined, CROSS JOIN keeps SQLite to the order that is written: the
// ids first, each a look-up. Left to itself it reads the whole organization and looks for each row among the ids.
func list(ids []string) string {
	return inOrder(slices.Compact(slices.Sorted(slices.Values(ids))))
}

// inOrder passes ids to SQL as they are.
func inOrder(ids []string) string {
	text, _ := json.Marshal(ids) // a []string always marshals
	return string(text)
}

// UserStatuses implements store.Store.
func (s *Store) UserStatuses(ctx context.Context, organizationID string, ids []string) ([]store.UserStatus, error) {
	rows, err := s.db.Query(ctx, `SELECT u.organization_id, u.directory_id, u.id, u.active, d.closed, u.version, u.update_time
		FROM json_each(?2) wanted CROSS JOIN users u ON u.organization_id = ?1 AND u.id = wanted.value
		JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id`, organizationID, list(ids))
	return sqldb.Collect(rows, err, func(scan func(...any) error) (u store.UserStatus, err error) {
		return u, scan(&u.OrganizationID, &u.DirectoryID, &u.ID, &u.Active, &u.Detached, &u.Version, sqldb.Time(&u.UpdateTime))
	})
}

// Facts implements store.Store.
func (s *Store) Facts(ctx context.Context, organizationID string, ids []string, most store.FactsBounds) (p store.FactsPage, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		read, live, there, err := factsPage(ctx, tx, organizationID, ids, most)
		if err != nil || len(read) == 0 {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+userColumns+`, d.closed FROM json_each(?2) wanted
			CROSS JOIN users u ON u.organization_id = ?1 AND u.id = wanted.value
			JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id ORDER BY wanted.key`,
			organizationID, inOrder(read))
		users, err := sqldb.Collect(rows, err, func(scan func(...any) error) (f store.Facts, err error) {
			return f, scan(append(userFields(&f.User), &f.Detached)...)
		})
		if err != nil {
			return err
		}
		found, err := edgeReader{q: tx, organizationID: organizationID}.Above(ctx, live, most.Edges+1)
		p = store.NewFactsPage(ids, users, there, found, most)
		return err
	})
	return p, err
}

// factsPage finds out, from the lengths of documents alone, whom a read takes, of how many, and whose groups.
func factsPage(ctx context.Context, tx *sqldb.Tx, organizationID string, ids []string, most store.FactsBounds) (read, live []string, there int, err error) {
	rows, err := tx.Query(ctx, `SELECT u.id, length(u.document), u.active AND NOT d.closed FROM json_each(?2) wanted
		CROSS JOIN users u ON u.organization_id = ?1 AND u.id = wanted.value
		JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id ORDER BY wanted.key`, organizationID, list(ids))
	bytes := 0
	_, err = sqldb.Collect(rows, err, func(scan func(...any) error) (struct{}, error) {
		var id string
		var length int
		var isLive bool
		err := scan(&id, &length, &isLive)
		there++
		if bytes += length; err != nil || bytes > most.Bytes && len(read) > 0 {
			return struct{}{}, err
		}
		read = append(read, id)
		if isLive || !most.Live {
			live = append(live, id)
		}
		return struct{}{}, nil
	})
	return read, live, there, err
}

// FindUsers implements store.Store.
func (s *Store) FindUsers(ctx context.Context, organizationID string, by store.Lookup, limit int) ([]string, error) {
	// The directories first, of which an organization has few: a user's names are indexed within each. See list for CROSS JOIN.
	var query, value string
	switch {
	case by.UserNameFolded != "":
		query, value = `SELECT u.id FROM directories d CROSS JOIN users u ON u.organization_id = d.organization_id AND u.directory_id = d.id
			AND u.user_name_folded = ?2 WHERE d.organization_id = ?1 ORDER BY u.id LIMIT ?3`, by.UserNameFolded
	case by.ExternalID != "":
		query, value = `SELECT u.id FROM directories d CROSS JOIN users u ON u.organization_id = d.organization_id AND u.directory_id = d.id
			AND u.external_id = ?2 AND u.external_id <> '' WHERE d.organization_id = ?1 ORDER BY u.id LIMIT ?3`, by.ExternalID
	case by.EmailFolded != "":
		query, value = `SELECT user_id FROM search_values WHERE organization_id = ?1 AND attribute = 'emails' AND value = ?2
			ORDER BY user_id LIMIT ?3`, by.EmailFolded
	default:
		query, value = `SELECT id FROM users WHERE organization_id = ?1 AND id = ?2 LIMIT ?3`, by.ID
	}
	rows, err := s.db.Query(ctx, query, organizationID, value, limit)
	return sqldb.Collect(rows, err, scanString)
}

// UserIDs implements store.Store.
func (s *Store) UserIDs(ctx context.Context, organizationID, after string, limit int) ([]string, error) {
	rows, err := s.db.Query(ctx, `SELECT id FROM users WHERE organization_id = ? AND id > ? ORDER BY id LIMIT ?`,
		organizationID, after, limit)
	return sqldb.Collect(rows, err, scanString)
}

const (
	groupFactsColumns = `SELECT g.organization_id, g.directory_id, g.id, g.display_name, g.display_name_folded, g.external_id,
	g.version, x'', g.create_time, g.update_time, d.closed FROM `
	groupFactsTables = `groups g JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id `
)

func scanGroupFacts(scan func(...any) error) (f store.GroupFacts, err error) {
	return f, scan(append(groupFields(&f.Group), &f.Detached)...)
}

// FindGroups implements store.Store.
func (s *Store) FindGroups(ctx context.Context, organizationID, folded, after string, limit int) ([]store.GroupFacts, error) {
	query, args := `WHERE g.organization_id = ? AND g.id > ? ORDER BY g.id LIMIT ?`, []any{organizationID, after, limit}
	if folded != "" {
		query = `WHERE g.organization_id = ? AND g.display_name_folded = ? AND g.id > ? ORDER BY g.id LIMIT ?`
		args = []any{organizationID, folded, after, limit}
	}
	rows, err := s.db.Query(ctx, groupFactsColumns+groupFactsTables+query, args...)
	return sqldb.Collect(rows, err, scanGroupFacts)
}

// GroupFacts implements store.Store.
func (s *Store) GroupFacts(ctx context.Context, organizationID string, ids []string) ([]store.GroupFacts, error) {
	rows, err := s.db.Query(ctx, groupFactsColumns+`json_each(?2) wanted CROSS JOIN `+groupFactsTables+
		`WHERE g.organization_id = ?1 AND g.id = wanted.value`, organizationID, list(ids))
	return sqldb.Collect(rows, err, scanGroupFacts)
}
