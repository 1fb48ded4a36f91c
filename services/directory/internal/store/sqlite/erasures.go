package sqlite

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// EraseOrganization implements store.Store.
func (s *Store) EraseOrganization(ctx context.Context, id string, services []string, now time.Time) (o store.Organization, digests [][sha256.Size]byte, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if o, err = organization(ctx, tx, id); err != nil {
			return err
		}
		if !o.Erasing() {
			o.EraseTime, o.Waiting = now, strings.Join(services, " ")
			if err := beginErasing(ctx, tx, o); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT digest FROM keys WHERE organization_id = ?`, id)
		digests, err = sqldb.Collect(rows, err, scanDigest)
		return err
	})
	return o, digests, err
}

func beginErasing(ctx context.Context, tx *sqldb.Tx, o store.Organization) error {
	var underWay int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM organizations WHERE erase_time <> 0`).Scan(&underWay); err != nil {
		return err
	}
	if underWay >= store.MaxErasures {
		return fault.New(fault.Limit, "%d organizations are being erased already: wait until some are gone", underWay)
	}
	if _, err := tx.Exec(ctx, `UPDATE directories SET delete_time = ?1, update_time = ?1 WHERE organization_id = ?2 AND delete_time = 0`,
		sqldb.Time(&o.EraseTime), o.ID); err != nil {
		return err
	}
	if err := reviseAll(ctx, tx, o.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE organizations SET erase_time = ?2, waiting = ?3,
		erase_revision = (SELECT coalesce(max(revision), 0) FROM directories WHERE organization_id = ?1) WHERE id = ?1`,
		o.ID, sqldb.Time(&o.EraseTime), o.Waiting)
	return err
}

func scanErasure(scan func(...any) error) (e store.Erasure, err error) {
	return e, scan(&e.OrganizationID, &e.Revision, sqldb.Time(&e.EraseTime), &e.Waiting, sqldb.Time(&e.ClearTime))
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context) ([]store.Erasure, error) {
	rows, err := s.db.Query(ctx, `SELECT id, erase_revision, erase_time, waiting, clear_time FROM organizations
		WHERE erase_time <> 0 ORDER BY erase_time, id`)
	return sqldb.Collect(rows, err, scanErasure)
}

// ConfirmErasure implements store.Store.
func (s *Store) ConfirmErasure(ctx context.Context, organizationID, service string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		o, err := organization(ctx, tx, organizationID)
		if err != nil {
			return err
		}
		if !o.Erasing() {
			return fault.Missing("erasure", organizationID)
		}
		waiting := slices.DeleteFunc(strings.Fields(o.Waiting), func(other string) bool { return other == service })
		_, err = tx.Exec(ctx, `UPDATE organizations SET waiting = ? WHERE id = ?`, strings.Join(waiting, " "), organizationID)
		return err
	})
}

// ClearErased implements store.Store.
func (s *Store) ClearErased(ctx context.Context, organizationID string, limit int, now time.Time) (cleared bool, digests [][sha256.Size]byte, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		cleared, digests = false, nil
		o, err := organization(ctx, tx, organizationID)
		if err != nil || !o.Erasing() || o.Waiting != "" {
			return err
		}
		removed, err := tx.Exec(ctx, `DELETE FROM keys WHERE (organization_id, directory_id, id) IN
			(SELECT organization_id, directory_id, id FROM keys WHERE organization_id = ? LIMIT ?)`, organizationID, limit)
		if err != nil || removed > 0 {
			return err
		}
		removed, err = tx.Exec(ctx, `DELETE FROM directories WHERE (organization_id, id) IN
			(SELECT organization_id, id FROM directories WHERE organization_id = ? LIMIT ?)`, organizationID, limit)
		if err != nil || removed > 0 {
			return err
		}
		if digests, err = leaveCredentials(ctx, tx, organizationID); err != nil {
			return err
		}
		cleared = true
		if _, err = tx.Exec(ctx, `UPDATE organizations SET display_name = id, clear_time = ? WHERE id = ? AND clear_time = 0`,
			sqldb.Time(&now), organizationID); err != nil {
			return err
		}
		return tx.Erased(ctx)
	})
	return cleared, digests, err
}

// leaveCredentials takes an organization out of the scopes of service credentials, and gives the digests of those that had it.
func leaveCredentials(ctx context.Context, tx *sqldb.Tx, organizationID string) (digests [][sha256.Size]byte, err error) {
	rows, err := tx.Query(ctx, `SELECT `+credentialColumns+` FROM service_credentials
		WHERE instr(' ' || organization_ids || ' ', ' ' || ? || ' ') > 0`, organizationID)
	all, err := sqldb.Collect(rows, err, scanCredential)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		digests = append(digests, c.Digest)
		left := slices.DeleteFunc(c.OrganizationIDs, func(id string) bool { return id == organizationID })
		if len(left) == 0 { // no scope would be all organizations
			_, err = tx.Exec(ctx, `DELETE FROM service_credentials WHERE id = ?`, c.ID)
		} else {
			_, err = tx.Exec(ctx, `UPDATE service_credentials SET organization_ids = ? WHERE id = ?`, strings.Join(left, " "), c.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// FreeErased implements store.Store.
func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	if err := s.db.Scrub(ctx); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM organizations WHERE id = ? AND clear_time <> 0`, organizationID)
		return err
	})
}
