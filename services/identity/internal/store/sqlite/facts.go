package sqlite

import (
	"context"
	"database/sql"
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

// Facts implements store.Store.
func (s *Store) Facts(ctx context.Context, organizationID string, ids []string) (facts []store.Facts, err error) {
	// Users and their groups are of one moment.
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+userColumns+`, d.closed FROM json_each(?2) wanted
			CROSS JOIN users u ON u.organization_id = ?1 AND u.id = wanted.value
			JOIN directories d ON d.organization_id = u.organization_id AND d.id = u.directory_id`, organizationID, list(ids))
		facts, err = sqldb.Collect(rows, err, func(scan func(...any) error) (f store.Facts, err error) {
			return f, scan(append(userFields(&f.User), &f.Detached)...)
		})
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `WITH RECURSIVE inside (user_id, id) AS (
				SELECT m.member_id, m.group_id FROM json_each(?2) wanted
				CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = wanted.value
				UNION
				SELECT inside.user_id, m.group_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id)
			SELECT user_id, id FROM inside ORDER BY user_id, id`, organizationID, list(ids))
		if err != nil {
			return err
		}
		return fillGroups(rows, facts)
	})
	return facts, err
}

func fillGroups(rows *sql.Rows, facts []store.Facts) error {
	groups := map[string][]string{}
	if _, err := sqldb.Collect(rows, nil, func(scan func(...any) error) (struct{}, error) {
		var user, group string
		err := scan(&user, &group)
		groups[user] = append(groups[user], group)
		return struct{}{}, err
	}); err != nil {
		return err
	}
	for i := range facts {
		facts[i].GroupIDs = groups[facts[i].ID]
	}
	return nil
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
	groupFactsColumns = `SELECT ` + groupColumns + `, d.closed FROM `
	groupFactsTables  = `groups g JOIN directories d ON d.organization_id = g.organization_id AND d.id = g.directory_id `
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
