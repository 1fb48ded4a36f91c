package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// effective is the condition that source s of holder h counts: see store.Holder.Effective.
const effective = `h.active AND NOT h.suspended AND (s.kind = 2 OR h.rule_access = 0
	OR h.rule_access = 2 AND s.role_id = '` + store.OrganizationAdmin + `' AND s.tenant_id = '')`

// Check implements store.Store.
func (s *Store) Check(ctx context.Context, organizationID, userID string, grant store.Grant) (c store.Check, err error) {
	var known int64
	err = s.db.QueryRow(ctx, `SELECT h.unknown_as_of, h.suspended, EXISTS (SELECT 1 FROM sources s
			WHERE s.organization_id = $1 AND s.user_id = $2 AND s.tenant_id = $3 AND s.role_id = $4 AND `+effective+`)
		FROM holders h WHERE h.organization_id = $1 AND h.user_id = $2`, organizationID, userID, grant.TenantID, grant.RoleID).
		Scan(&known, &c.Suspended, &c.Allowed)
	if errors.Is(err, pgx.ErrNoRows) { // somebody who has never been a holder may be suspended
		err = s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM suspensions WHERE organization_id = $1 AND user_id = $2)`,
			organizationID, userID).Scan(&c.Suspended)
	}
	c.UnknownAsOf = fromMicros(known)
	return c, err
}

// Progress implements store.Store.
func (s *Store) Progress(ctx context.Context, organizationIDs []string) (map[string]store.Progress, error) {
	type line struct {
		id string
		store.Progress
	}
	lines, err := list(ctx, s.db, func(row pgx.CollectableRow) (l line, err error) {
		var asOf int64
		err = row.Scan(&l.id, &l.Checkpoint, &asOf, &l.Behind, &l.Erasing)
		l.AsOf = fromMicros(asOf)
		return l, err
	}, `SELECT o.organization_id, o.checkpoint, o.as_of, o.behind, o.erasing > 0 FROM unnest($1::text[]) AS i (id)
		CROSS JOIN LATERAL (SELECT * FROM organizations WHERE organization_id = i.id OFFSET 0) o`, organizationIDs)
	all := make(map[string]store.Progress, len(lines))
	for _, l := range lines {
		all[l.id] = l.Progress
	}
	return all, err
}

const sourceColumns = `s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id, s.granted_by, s.create_time, s.held`

// sourceRow is a source with its holder.
type sourceRow struct {
	user   string
	holder store.Holder
	source store.Source
}

func (r *sourceRow) scan(row pgx.CollectableRow, more ...any) error {
	var created int64
	dest := []any{&r.user, &r.source.Grant.TenantID, &r.source.Grant.RoleID, &r.source.Kind, &r.source.RuleID,
		&r.source.GrantedBy, &created, &r.source.Held}
	err := row.Scan(append(dest, more...)...)
	r.source.CreateTime = fromMicros(created)
	return err
}

func scanSource(row pgx.CollectableRow) (r sourceRow, err error) {
	err = r.scan(row)
	return r, err
}

func scanSourceOfHolder(row pgx.CollectableRow) (r sourceRow, err error) {
	var known int64
	err = r.scan(row, &r.holder.Active, &r.holder.Suspended, &known, &r.holder.RuleAccess)
	r.holder.UnknownAsOf = fromMicros(known)
	return r, err
}

// keysOf chooses a page of access by the filters that are set: each text has its own index, and few are the texts. The
// first arguments are the organization, the key to go on from and the limit.
func keysOf(filter store.AccessFilter, args []any) (string, []any) {
	text := `SELECT DISTINCT user_id, tenant_id, role_id FROM sources WHERE organization_id = $1`
	for _, by := range []struct{ column, value string }{
		{"user_id", filter.UserID}, {"tenant_id", filter.TenantID}, {"role_id", filter.RoleID},
	} {
		if by.value != "" {
			args = append(args, by.value)
			text += fmt.Sprintf(` AND %s = $%d`, by.column, len(args))
		}
	}
	// The first condition is implied by the second; it is what an index on user_id understands.
	return text + ` AND user_id >= $2 AND (user_id, tenant_id, role_id) > ($2, $3, $4)
		ORDER BY user_id, tenant_id, role_id LIMIT $5`, args
}

// Statements are planned once a connection, perhaps while their tables are empty, and a plan that reads a whole table is kept
// while it grows. So where rows are looked up for many keys at once, a lateral subquery with OFFSET 0, which the planner does
// not dissolve, has it done key by key; and a DELETE has the places of its rows looked up in that way.

// Access implements store.Store.
func (s *Store) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	keys, args := keysOf(filter, []any{organizationID, after.UserID, after.TenantID, after.RoleID, limit})
	sources, err := list(ctx, s.db, scanSourceOfHolder, `WITH keys AS MATERIALIZED (`+keys+`)
		SELECT `+sourceColumns+`, h.active, h.suspended, h.unknown_as_of, h.rule_access FROM keys k
		CROSS JOIN LATERAL (SELECT * FROM sources WHERE organization_id = $1 AND user_id = k.user_id AND tenant_id = k.tenant_id
			AND role_id = k.role_id OFFSET 0) s
		CROSS JOIN LATERAL (SELECT * FROM holders WHERE organization_id = $1 AND user_id = k.user_id OFFSET 0) h
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`, args...)
	var all []store.Access
	for _, r := range sources {
		all = store.AppendAccess(all, r.user, r.holder, r.source)
	}
	return all, err
}

// HolderIDs implements store.Store.
func (s *Store) HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error) {
	bound, args := ``, []any{organizationID, after, limit}
	if upTo != "" {
		bound, args = ` AND user_id <= $4`, append(args, upTo)
	}
	return list(ctx, s.db, pgx.RowTo[string], `SELECT user_id FROM holders WHERE organization_id = $1 AND user_id > $2`+bound+`
		ORDER BY user_id LIMIT $3`, args...)
}

// Holders implements store.Tx.
func (t *organizationTx) Holders(ctx context.Context, userIDs []string) (map[string]store.Holder, error) {
	b := t.queue()
	holders := ask(b, func(row pgx.CollectableRow) (h store.Holder, err error) {
		var known int64
		err = row.Scan(&h.UserID, &h.New, &h.Active, &h.DirectoryID, &h.Detached, &h.Digest, &h.Suspended, &known, &h.RuleAccess)
		h.UnknownAsOf = fromMicros(known)
		return h, err
	}, `SELECT u.id, h.user_id IS NULL, coalesce(h.active, false), coalesce(h.directory_id, ''), coalesce(h.detached, false) OR EXISTS (
			SELECT 1 FROM closed_directories c WHERE c.organization_id = $1 AND c.directory_id = h.directory_id),
			coalesce(h.digest, ''), p.user_id IS NOT NULL, coalesce(h.unknown_as_of, 0), coalesce(h.rule_access, 0)
		FROM (SELECT DISTINCT unnest($2::text[]) AS id) AS u
		LEFT JOIN LATERAL (SELECT * FROM holders WHERE organization_id = $1 AND user_id = u.id OFFSET 0) h ON true
		LEFT JOIN LATERAL (SELECT user_id FROM suspensions WHERE organization_id = $1 AND user_id = u.id OFFSET 0) p ON true
		WHERE h.user_id IS NOT NULL OR p.user_id IS NOT NULL`, t.organization, userIDs)
	sources := ask(b, scanSource, `SELECT `+sourceColumns+` FROM unnest($2::text[]) AS u (id)
		CROSS JOIN LATERAL (SELECT * FROM sources WHERE organization_id = $1 AND user_id = u.id OFFSET 0) s
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`, t.organization, userIDs)
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	byUser := make(map[string][]store.Source, len(*holders))
	for _, r := range *sources {
		byUser[r.user] = append(byUser[r.user], r.source)
	}
	all := make(map[string]store.Holder, len(*holders))
	for _, h := range *holders {
		h.Sources = byUser[h.UserID]
		all[h.UserID] = h
	}
	return all, nil
}

// CountEffective implements store.Tx.
func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (int, error) {
	n := ask(t.queue(), pgx.RowTo[int], `SELECT count(*) FROM (SELECT DISTINCT s.user_id FROM sources s
		JOIN holders h ON h.organization_id = s.organization_id AND h.user_id = s.user_id
		WHERE s.organization_id = $1 AND s.role_id = $2 AND s.tenant_id = $3 AND `+effective+` LIMIT $4) effective`,
		t.organization, grant.RoleID, grant.TenantID, upTo)
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	return (*n)[0], nil
}

// HeldUsers implements store.Tx.
func (t *organizationTx) HeldUsers(ctx context.Context) ([]string, error) {
	users := ask(t.queue(), pgx.RowTo[string], `SELECT DISTINCT user_id FROM sources WHERE organization_id = $1 AND held ORDER BY user_id`,
		t.organization)
	err := t.send(ctx)
	return *users, err
}

// PutHolder implements store.Tx.
func (t *organizationTx) PutHolder(_ context.Context, h store.Holder) error {
	t.access.putHolder(h)
	return nil
}

// DeleteHolder implements store.Tx.
func (t *organizationTx) DeleteHolder(_ context.Context, userID string) error {
	t.access.deleteHolder(userID)
	return nil
}

// PutSource implements store.Tx.
func (t *organizationTx) PutSource(_ context.Context, userID string, s store.Source) error {
	t.access.putSource(userID, s)
	return nil
}

// DeleteSource implements store.Tx.
func (t *organizationTx) DeleteSource(_ context.Context, userID string, s store.Source) error {
	t.access.deleteSource(userID, s)
	return nil
}
