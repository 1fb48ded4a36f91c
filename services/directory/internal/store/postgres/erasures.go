package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// EraseOrganization implements store.Store.
func (s *Store) EraseOrganization(ctx context.Context, id string, services []string, now time.Time) (o store.Organization, digests [][sha256.Size]byte, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		if o, err = organization(ctx, tx, id, lock); err != nil {
			return err
		}
		if !o.Erasing() {
			o.EraseTime, o.Waiting = now, strings.Join(services, " ")
			if err := beginErasing(ctx, tx, o); err != nil {
				return err
			}
		}
		digests, err = readDigests(ctx, tx, `SELECT digest FROM keys WHERE organization_id = $1`, id)
		return err
	})
	return o, digests, err
}

func beginErasing(ctx context.Context, tx pgx.Tx, o store.Organization) error {
	var underWay int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM organizations WHERE erase_time <> 0`).Scan(&underWay); err != nil {
		return err
	}
	if underWay >= store.MaxErasures {
		return fault.New(fault.Limit, "%d organizations are being erased already: wait until some are gone", underWay)
	}
	if _, err := tx.Exec(ctx, `UPDATE directories SET delete_time = $1, update_time = $1 WHERE organization_id = $2 AND delete_time = 0`,
		sqldb.Time(&o.EraseTime), o.ID); err != nil {
		return err
	}
	if err := reviseAll(ctx, tx, o.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE organizations SET erase_time = $2, waiting = $3,
		erase_revision = (SELECT coalesce(max(revision), 0) FROM directories WHERE organization_id = $1) WHERE id = $1`,
		o.ID, sqldb.Time(&o.EraseTime), o.Waiting)
	return err
}

func erasureFields(e *store.Erasure) []any {
	return []any{&e.OrganizationID, &e.Revision, sqldb.Time(&e.EraseTime), &e.Waiting, sqldb.Time(&e.ClearTime)}
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context) ([]store.Erasure, error) {
	return sqldb.ReadAll(ctx, s.db, erasureFields, `SELECT id, erase_revision, erase_time, waiting, clear_time FROM organizations
		WHERE erase_time <> 0 ORDER BY erase_time, id`)
}

// ConfirmErasure implements store.Store.
func (s *Store) ConfirmErasure(ctx context.Context, organizationID, service string) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		o, err := organization(ctx, tx, organizationID, lock)
		if err != nil {
			return err
		}
		if !o.Erasing() {
			return fault.Missing("erasure", organizationID)
		}
		waiting := slices.DeleteFunc(strings.Fields(o.Waiting), func(other string) bool { return other == service })
		_, err = tx.Exec(ctx, `UPDATE organizations SET waiting = $1 WHERE id = $2`, strings.Join(waiting, " "), organizationID)
		return err
	})
}

// ClearErased implements store.Store.
func (s *Store) ClearErased(ctx context.Context, organizationID string, limit int, now time.Time) (cleared bool, digests [][sha256.Size]byte, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		o, err := organization(ctx, tx, organizationID, lock)
		if err != nil || !o.Erasing() || o.Waiting != "" {
			return err
		}
		for _, some := range []string{
			`DELETE FROM keys WHERE (organization_id, directory_id, id) IN
				(SELECT organization_id, directory_id, id FROM keys WHERE organization_id = $1 LIMIT $2)`,
			`DELETE FROM directories WHERE (organization_id, id) IN
				(SELECT organization_id, id FROM directories WHERE organization_id = $1 LIMIT $2)`,
		} {
			removed, err := tx.Exec(ctx, some, organizationID, limit)
			if err != nil || removed.RowsAffected() > 0 {
				return err
			}
		}
		// No scope would be all organizations.
		digests, err = readDigests(ctx, tx, `WITH ended AS (
				DELETE FROM service_credentials WHERE organization_ids = ARRAY[$1] RETURNING digest),
			narrowed AS (
				UPDATE service_credentials SET organization_ids = array_remove(organization_ids, $1)
				WHERE $1 = ANY (organization_ids) AND organization_ids <> ARRAY[$1] RETURNING digest)
			SELECT digest FROM ended UNION ALL SELECT digest FROM narrowed`, organizationID)
		if err != nil {
			return err
		}
		cleared = true
		_, err = tx.Exec(ctx, `UPDATE organizations SET display_name = id, clear_time = $1 WHERE id = $2 AND clear_time = 0`,
			sqldb.Time(&now), organizationID)
		return err
	})
	return cleared, digests, err
}

// FreeErased implements store.Store.
func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM organizations WHERE id = $1 AND clear_time <> 0`, organizationID)
	return sqldb.Reach(err)
}
