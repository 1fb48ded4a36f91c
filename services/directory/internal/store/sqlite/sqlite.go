// Package sqlite is the directory service's store on SQLite.
package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements store.Store on one database file.
type Store struct {
	db    *sqldb.SQLite
	epoch string
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the file.
func Open(ctx context.Context, path string, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.OpenSQLite(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	if err := db.QueryRow(ctx, `SELECT epoch FROM meta`).Scan(&s.epoch); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() string { return s.epoch }

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

const organizationColumns = `id, display_name, federated, create_time, update_time, erase_time, waiting`

func scanOrganization(scan func(...any) error) (o store.Organization, err error) {
	err = scan(&o.ID, &o.DisplayName, &o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime), sqldb.Time(&o.EraseTime), &o.Waiting)
	return o, err
}

// CreateOrganization implements store.Store.
func (s *Store) CreateOrganization(ctx context.Context, o store.Organization) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		added, err := tx.Exec(ctx, `INSERT INTO organizations (id, display_name, federated, create_time, update_time)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, o.ID, o.DisplayName, o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime))
		if err == nil && added == 0 {
			err = fault.New(fault.AlreadyExists, "there is an organization %q already", o.ID)
		}
		return err
	})
}

// queryer reads, in a transaction or outside one.
type queryer interface {
	QueryRow(ctx context.Context, query string, args ...any) sqldb.Row
}

func organization(ctx context.Context, q queryer, id string) (store.Organization, error) {
	o, err := scanOrganization(q.QueryRow(ctx, `SELECT `+organizationColumns+` FROM organizations WHERE id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("organization", id)
	}
	return o, err
}

// Organization implements store.Store.
func (s *Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return organization(ctx, s.db, id)
}

// Organizations implements store.Store.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	rows, err := s.db.Query(ctx, `SELECT `+organizationColumns+` FROM organizations WHERE id > ? ORDER BY id LIMIT ?`,
		after, limit)
	return sqldb.Collect(rows, err, scanOrganization)
}

// UpdateOrganization implements store.Store.
func (s *Store) UpdateOrganization(ctx context.Context, id string, change store.OrganizationChange, now time.Time) (o store.Organization, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		before, err := organization(ctx, tx, id)
		if err != nil {
			return err
		}
		if before.Erasing() {
			return store.StillErasing(id)
		}
		o = before
		if change.DisplayName != nil {
			o.DisplayName = *change.DisplayName
		}
		if change.Federated != nil {
			o.Federated = *change.Federated
		}
		if o == before {
			return nil
		}
		o.UpdateTime = now
		if _, err := tx.Exec(ctx, `UPDATE organizations SET display_name = ?, federated = ?, update_time = ? WHERE id = ?`,
			o.DisplayName, o.Federated, sqldb.Time(&o.UpdateTime), id); err != nil {
			return err
		}
		if o.Federated == before.Federated {
			return nil
		}
		return reviseAll(ctx, tx, id)
	})
	return o, err
}

// reviseAll gives each directory of an organization a new revision, so that who follows learns of its new state.
func reviseAll(ctx context.Context, tx *sqldb.Tx, organizationID string) error {
	rows, err := tx.Query(ctx, `SELECT id FROM directories WHERE organization_id = ? ORDER BY id`, organizationID)
	all, err := sqldb.Collect(rows, err, func(scan func(...any) error) (id string, err error) { return id, scan(&id) })
	if err != nil {
		return err
	}
	for _, id := range all {
		revision, err := nextRevision(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE directories SET revision = ? WHERE organization_id = ? AND id = ?`,
			revision, organizationID, id); err != nil {
			return err
		}
	}
	return nil
}

func nextRevision(ctx context.Context, tx *sqldb.Tx) (revision int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE revision SET newest = newest + 1 RETURNING newest`).Scan(&revision)
	return revision, err
}

const directoryColumns = `d.organization_id, d.id, d.display_name, d.strict, d.unique_group_names, d.replaces_id,
	d.create_time, d.update_time, d.delete_time, d.revision, o.federated`

const directoryTables = ` FROM directories d JOIN organizations o ON o.id = d.organization_id `

func directoryFields(d *store.Directory) []any {
	return []any{
		&d.OrganizationID, &d.ID, &d.DisplayName, &d.Strict, &d.UniqueGroupNames, &d.ReplacesID,
		sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime), sqldb.Time(&d.DeleteTime), &d.Revision, &d.Federated,
	}
}

func scanDirectory(scan func(...any) error) (d store.Directory, err error) {
	return d, scan(directoryFields(&d)...)
}

// CreateDirectory implements store.Store.
func (s *Store) CreateDirectory(ctx context.Context, d store.Directory, first store.Key, replace store.Replace) (store.Directory, error) {
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		o, err := organization(ctx, tx, d.OrganizationID)
		if err != nil {
			return err
		}
		if o.Erasing() {
			return store.StillErasing(o.ID)
		}
		if !o.Federated {
			return fault.New(fault.NotFederated, "organization %q is not federated: its sign-in must come from its IdP first", o.ID)
		}
		d.Federated = true
		if d.ReplacesID, err = replaced(ctx, tx, d.OrganizationID, replace); err != nil {
			return err
		}
		if d.Revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO directories (organization_id, id, display_name, strict, unique_group_names,
			replaces_id, create_time, update_time, delete_time, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
			d.OrganizationID, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.ReplacesID,
			sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime), d.Revision); err != nil {
			return err
		}
		return insertKey(ctx, tx, first)
	})
	return d, err
}

// replaced finds the directory to replace: empty for none.
func replaced(ctx context.Context, tx *sqldb.Tx, organizationID string, replace store.Replace) (string, error) {
	if replace.None {
		return "", nil
	}
	rows, err := tx.Query(ctx, `SELECT d.id FROM directories d WHERE d.organization_id = ?1 AND d.delete_time <> 0
		AND (?2 = '' OR d.id = ?2) AND NOT EXISTS
			(SELECT 1 FROM directories r WHERE r.organization_id = ?1 AND r.replaces_id = d.id) LIMIT 2`,
		organizationID, replace.ID)
	candidates, err := sqldb.Collect(rows, err, func(scan func(...any) error) (id string, err error) { return id, scan(&id) })
	switch {
	case err != nil:
		return "", err
	case len(candidates) == 1:
		return candidates[0], nil
	case replace.ID != "":
		return "", fault.New(fault.NotReplaceable,
			"directory %q cannot be replaced: it is not a deleted directory of this organization that none has replaced yet", replace.ID)
	default:
		return "", nil
	}
}

func directory(ctx context.Context, q queryer, organizationID, id string) (store.Directory, error) {
	d, err := scanDirectory(q.QueryRow(ctx, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.organization_id = ? AND d.id = ?`, organizationID, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("directory", id)
	}
	return d, err
}

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return directory(ctx, s.db, organizationID, id)
}

// Directories implements store.Store.
func (s *Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	if _, err := s.Organization(ctx, organizationID); err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.organization_id = ? AND d.id > ? AND (d.delete_time = 0 OR ?) ORDER BY d.id LIMIT ?`,
		organizationID, after, deleted, limit)
	return sqldb.Collect(rows, err, scanDirectory)
}

// UpdateDirectory implements store.Store.
func (s *Store) UpdateDirectory(ctx context.Context, organizationID, id string, change store.DirectoryChange, now time.Time) (d store.Directory, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		before, err := directory(ctx, tx, organizationID, id)
		if err != nil {
			return err
		}
		if before.Deleted() {
			return fault.New(fault.Deleted, "directory %q was deleted", id)
		}
		d = before
		if change.DisplayName != nil {
			d.DisplayName = *change.DisplayName
		}
		if change.Strict != nil {
			d.Strict = *change.Strict
		}
		if change.UniqueGroupNames != nil {
			d.UniqueGroupNames = *change.UniqueGroupNames
		}
		if d == before {
			return nil
		}
		if d.Revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		d.UpdateTime = now
		_, err = tx.Exec(ctx, `UPDATE directories SET display_name = ?, strict = ?, unique_group_names = ?, update_time = ?,
			revision = ? WHERE organization_id = ? AND id = ?`, d.DisplayName, d.Strict, d.UniqueGroupNames,
			sqldb.Time(&d.UpdateTime), d.Revision, organizationID, id)
		return err
	})
	return d, err
}

// DeleteDirectory implements store.Store.
func (s *Store) DeleteDirectory(ctx context.Context, organizationID, id string, now time.Time) (d store.Directory, digests [][sha256.Size]byte, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if d, err = directory(ctx, tx, organizationID, id); err != nil {
			return err
		}
		if !d.Deleted() {
			d.DeleteTime, d.UpdateTime = now, now
			if d.Revision, err = nextRevision(ctx, tx); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE directories SET delete_time = ?1, update_time = ?1, revision = ?2
				WHERE organization_id = ?3 AND id = ?4`, sqldb.Time(&now), d.Revision, organizationID, id); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT digest FROM keys WHERE organization_id = ? AND directory_id = ?`, organizationID, id)
		digests, err = sqldb.Collect(rows, err, scanDigest)
		return err
	})
	return d, digests, err
}

func scanDigest(scan func(...any) error) (digest [sha256.Size]byte, err error) {
	var raw []byte
	err = scan(&raw)
	copy(digest[:], raw)
	return digest, err
}

// DirectoriesAfter implements store.Store.
func (s *Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	rows, err := s.db.Query(ctx, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.revision > ? ORDER BY d.revision LIMIT ?`, revision, limit)
	return sqldb.Collect(rows, err, scanDirectory)
}
