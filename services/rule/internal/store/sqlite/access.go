package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	checkAccess        = statements.Load("check_access", "organization_id", "user_id", "tenant_id", "role_id")
	findSuspension     = statements.Load("find_suspension", "organization_id", "user_id")
	listProgress       = statements.Load("list_progress", "organization_ids")
	getHolders         = statements.Load("get_holders", "organization_id", "user_ids")
	listSuspendedUsers = statements.Load("list_suspended_users", "organization_id", "user_ids")
	getSources         = statements.Load("get_sources", "organization_id", "user_ids")
	putHolder          = statements.Load("put_holder", "organization_id", "user_id", "active", "directory_id", "detached", "digest",
		"unknown_as_of", "rule_access")
	deleteSourcesOfUser = statements.Load("delete_sources_of_user", "organization_id", "user_id")
	deleteHolder        = statements.Load("delete_holder", "organization_id", "user_id")
	putSource           = statements.Load("put_source", "organization_id", "user_id", "tenant_id", "role_id", "kind", "rule_id", "granted_by",
		"create_time", "held")
	deleteSource     = statements.Load("delete_source", "organization_id", "user_id", "tenant_id", "role_id", "kind", "rule_id")
	countEffective   = statements.Load("count_effective", "organization_id", "role_id", "tenant_id", "up_to")
	listHeldUsers    = statements.Load("list_held_users", "organization_id")
	listAccess       = statements.Load("list_access", "organization_id", "after_user", "after_tenant", "after_role", "limit")
	listAccessOfUser = statements.Load("list_access_of_user", "organization_id", "after_user", "after_tenant", "after_role", "limit",
		"user_id", "tenant_id", "role_id")
	listAccessOfTenant = statements.Load("list_access_of_tenant", "organization_id", "after_user", "after_tenant", "after_role",
		"limit", "tenant_id")
	listAccessOfRole = statements.Load("list_access_of_role", "organization_id", "after_user", "after_tenant", "after_role", "limit",
		"role_id")
	listAccessOfTenantAndRole = statements.Load("list_access_of_tenant_and_role", "organization_id", "after_user", "after_tenant",
		"after_role", "limit", "tenant_id", "role_id")
	listHolderIDs     = statements.Load("list_holder_ids", "organization_id", "after", "limit")
	listHolderIDsUpTo = statements.Load("list_holder_ids_up_to", "organization_id", "after", "up_to", "limit")
)

// Check implements store.Store.
func (s *Store) Check(ctx context.Context, organizationID, userID string, grant store.Grant) (c store.Check, err error) {
	var known int64
	err = s.db.QueryRow(ctx, checkAccess, organizationID, userID, grant.TenantID, grant.RoleID).
		Scan(&known, &c.Suspended, &c.Allowed)
	if errors.Is(err, sql.ErrNoRows) { // somebody who has never been a holder may be suspended
		err = s.db.QueryRow(ctx, findSuspension, organizationID, userID).Scan(&c.Suspended)
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
	rows, err := s.db.Query(ctx, listProgress, list(organizationIDs))
	lines, err := sqldb.Collect(rows, err, func(scan scan) (l line, err error) {
		var asOf int64
		err = scan(&l.id, &l.Checkpoint, &asOf, &l.Behind, &l.Erasing)
		l.AsOf = fromMicros(asOf)
		return l, err
	})
	all := make(map[string]store.Progress, len(lines))
	for _, l := range lines {
		all[l.id] = l.Progress
	}
	return all, err
}

func scanHolder(scan scan, h *store.Holder, more ...any) error {
	var known int64
	err := scan(append(more, &h.Active, &h.DirectoryID, &h.Detached, &h.Digest, &h.Suspended, &known, &h.RuleAccess)...)
	h.UnknownAsOf = fromMicros(known)
	return err
}

// sourceRow is a source with its holder.
type sourceRow struct {
	user   string
	holder store.Holder
	source store.Source
}

func (r *sourceRow) scan(scan scan, more ...any) error {
	var created int64
	dest := []any{&r.user, &r.source.Grant.TenantID, &r.source.Grant.RoleID, &r.source.Kind, &r.source.RuleID,
		&r.source.GrantedBy, &created, &r.source.Held}
	err := scan(append(dest, more...)...)
	r.source.CreateTime = fromMicros(created)
	return err
}

func scanSourceOfHolder(scan scan) (r sourceRow, err error) {
	var known int64
	err = r.scan(scan, &r.holder.Active, &r.holder.Suspended, &known, &r.holder.RuleAccess)
	r.holder.UnknownAsOf = fromMicros(known)
	return r, err
}

// accessPage chooses the statement of a page of access by the filters that are set: each has its own index.
func accessPage(organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) (statement string, args []any) {
	args = []any{organizationID, after.UserID, after.TenantID, after.RoleID, limit}
	switch {
	case filter.UserID != "":
		return listAccessOfUser, append(args, filter.UserID, filter.TenantID, filter.RoleID)
	case filter.TenantID != "" && filter.RoleID != "":
		return listAccessOfTenantAndRole, append(args, filter.TenantID, filter.RoleID)
	case filter.TenantID != "":
		return listAccessOfTenant, append(args, filter.TenantID)
	case filter.RoleID != "":
		return listAccessOfRole, append(args, filter.RoleID)
	default:
		return listAccess, args
	}
}

// Access implements store.Store.
func (s *Store) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	statement, args := accessPage(organizationID, filter, after, limit)
	rows, err := s.db.Query(ctx, statement, args...)
	sources, err := sqldb.Collect(rows, err, scanSourceOfHolder)
	var all []store.Access
	for _, r := range sources {
		all = store.AppendAccess(all, r.user, r.holder, r.source)
	}
	return all, err
}

// HolderIDs implements store.Store.
func (s *Store) HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error) {
	statement, args := listHolderIDs, []any{organizationID, after, limit}
	if upTo != "" { // a bound that might not be one would not bound the look into the index
		statement, args = listHolderIDsUpTo, []any{organizationID, after, upTo, limit}
	}
	rows, err := s.db.Query(ctx, statement, args...)
	return sqldb.Collect(rows, err, scanOne[string])
}

// Holders implements store.Tx.
func (t *organizationTx) Holders(ctx context.Context, userIDs []string) (map[string]store.Holder, error) {
	ids := list(userIDs)
	rows, err := t.tx.Query(ctx, getHolders, t.organization, ids)
	holders, err := sqldb.Collect(rows, err, func(scan scan) (h store.Holder, err error) {
		err = scanHolder(scan, &h, &h.UserID)
		return h, err
	})
	if err != nil {
		return nil, err
	}
	rows, err = t.tx.Query(ctx, listSuspendedUsers, t.organization, ids)
	suspended, err := sqldb.Collect(rows, err, scanOne[string])
	if err != nil {
		return nil, err
	}
	rows, err = t.tx.Query(ctx, getSources, t.organization, ids)
	sources, err := sqldb.Collect(rows, err, func(scan scan) (r sourceRow, err error) {
		err = r.scan(scan)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	byUser := make(map[string][]store.Source, len(holders))
	for _, r := range sources {
		byUser[r.user] = append(byUser[r.user], r.source)
	}
	all := make(map[string]store.Holder, len(holders))
	for _, id := range suspended {
		all[id] = store.Holder{UserID: id, New: true, Suspended: true}
	}
	for _, h := range holders {
		h.Sources = byUser[h.UserID]
		all[h.UserID] = h
	}
	return all, nil
}

// PutHolder implements store.Tx.
func (t *organizationTx) PutHolder(ctx context.Context, h store.Holder) error {
	_, err := t.tx.Exec(ctx, putHolder,
		t.organization, h.UserID, h.Active, h.DirectoryID, h.Detached, h.Digest, micros(h.UnknownAsOf), h.RuleAccess)
	return err
}

// DeleteHolder implements store.Tx.
func (t *organizationTx) DeleteHolder(ctx context.Context, userID string) error {
	if _, err := t.tx.Exec(ctx, deleteSourcesOfUser, t.organization, userID); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, deleteHolder, t.organization, userID)
	return err
}

// PutSource implements store.Tx.
func (t *organizationTx) PutSource(ctx context.Context, userID string, s store.Source) error {
	_, err := t.tx.Exec(ctx, putSource,
		t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID, s.GrantedBy, micros(s.CreateTime), s.Held)
	return err
}

// DeleteSource implements store.Tx.
func (t *organizationTx) DeleteSource(ctx context.Context, userID string, s store.Source) error {
	n, err := t.tx.Exec(ctx, deleteSource, t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID)
	t.deleted += n
	return err
}

// CountEffective implements store.Tx.
func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (n int, err error) {
	err = t.tx.QueryRow(ctx, countEffective, t.organization, grant.RoleID, grant.TenantID, upTo).Scan(&n)
	return n, err
}

// HeldUsers implements store.Tx.
func (t *organizationTx) HeldUsers(ctx context.Context) ([]string, error) {
	rows, err := t.tx.Query(ctx, listHeldUsers, t.organization)
	return sqldb.Collect(rows, err, scanOne[string])
}
