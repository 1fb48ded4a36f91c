// Package postgres is the directory service's store on PostgreSQL.
package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

//go:embed migrations/*.sql
var embedded embed.FS

// schema holds the service's tables.
const schema = "usher_directory"

func tables() sqldb.PostgresSchema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sqldb.PostgresSchema{
		Name: schema, Migrations: migrations,
		// Revisions are not of transactions; who follows begins anew.
		NewEpoch: func(context.Context, pgx.Tx) error { return nil },
	}
}

// Migrate makes the tables, or brings them up to date.
func Migrate(ctx context.Context, url string) error { return sqldb.MigratePostgres(ctx, url, tables()) }

// RenewEpoch begins a new epoch of the feed.
func RenewEpoch(ctx context.Context, url string) error { return sqldb.RenewEpoch(ctx, url, tables()) }

// Store implements store.Store on one schema. Any number of processes may have it open.
type Store struct{ db *sqldb.Postgres }

var _ store.Store = (*Store)(nil)

// Open connects to a migrated database.
func Open(ctx context.Context, server sqldb.PostgresServer) (*Store, error) {
	db, err := sqldb.OpenPostgres(ctx, server, tables())
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() string { return s.db.Epoch() }

// write runs fn in a transaction.
func (s *Store) write(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return sqldb.Reach(pgx.BeginFunc(ctx, s.db, fn))
}

const organizationColumns = `id, display_name, federated, create_time, update_time, erase_time, waiting`

func organizationFields(o *store.Organization) []any {
	return []any{
		&o.ID, &o.DisplayName, &o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime), sqldb.Time(&o.EraseTime), &o.Waiting,
	}
}

// CreateOrganization implements store.Store.
func (s *Store) CreateOrganization(ctx context.Context, o store.Organization) error {
	tag, err := s.db.Exec(ctx, `INSERT INTO organizations (id, display_name, federated, create_time, update_time)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, o.ID, o.DisplayName, o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime))
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.AlreadyExists, "there is an organization %q already", o.ID)
	}
	return sqldb.Reach(err)
}

// lock is added to a read whose row must stay as it is until the transaction ends.
const lock = ` FOR UPDATE`

func organization(ctx context.Context, q sqldb.Reader, id, locking string) (store.Organization, error) {
	return sqldb.ReadOne(ctx, q, organizationFields, fault.Missing("organization", id),
		`SELECT `+organizationColumns+` FROM organizations WHERE id = $1`+locking, id)
}

// Organization implements store.Store.
func (s *Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return organization(ctx, s.db, id, "")
}

// Organizations implements store.Store.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return sqldb.ReadAll(ctx, s.db, organizationFields,
		`SELECT `+organizationColumns+` FROM organizations WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT $2`, after, limit)
}

// UpdateOrganization implements store.Store.
func (s *Store) UpdateOrganization(ctx context.Context, id string, change store.OrganizationChange, now time.Time) (o store.Organization, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		before, err := organization(ctx, tx, id, lock)
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
		if _, err := tx.Exec(ctx, `UPDATE organizations SET display_name = $1, federated = $2, update_time = $3 WHERE id = $4`,
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
func reviseAll(ctx context.Context, tx pgx.Tx, organizationID string) error {
	all, err := sqldb.ReadAll(ctx, tx, sqldb.Value[string],
		`SELECT id FROM directories WHERE organization_id = $1 ORDER BY id`, organizationID)
	if err != nil {
		return err
	}
	for _, id := range all {
		revision, err := nextRevision(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE directories SET revision = $1 WHERE organization_id = $2 AND id = $3`,
			revision, organizationID, id); err != nil {
			return err
		}
	}
	return nil
}

func nextRevision(ctx context.Context, tx pgx.Tx) (revision int64, err error) {
	return revision, tx.QueryRow(ctx, `UPDATE revision SET newest = newest + 1 RETURNING newest`).Scan(&revision)
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

// CreateDirectory implements store.Store.
func (s *Store) CreateDirectory(ctx context.Context, d store.Directory, first store.Key, replace store.Replace) (store.Directory, error) {
	err := s.write(ctx, func(tx pgx.Tx) error {
		// The organization is locked: two that are created at once would choose the same directory to replace.
		o, err := organization(ctx, tx, d.OrganizationID, lock)
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
			replaces_id, create_time, update_time, delete_time, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)`,
			d.OrganizationID, d.ID, d.DisplayName, d.Strict, d.UniqueGroupNames, d.ReplacesID,
			sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime), d.Revision); err != nil {
			return err
		}
		return insertKey(ctx, tx, first)
	})
	return d, err
}

// replaced finds the directory to replace: empty for none.
func replaced(ctx context.Context, tx pgx.Tx, organizationID string, replace store.Replace) (string, error) {
	if replace.None {
		return "", nil
	}
	candidates, err := sqldb.ReadAll(ctx, tx, sqldb.Value[string],
		`SELECT d.id FROM directories d WHERE d.organization_id = $1 AND d.delete_time <> 0 AND ($2 = '' OR d.id = $2)
		AND NOT EXISTS (SELECT 1 FROM directories r WHERE r.organization_id = $1 AND r.replaces_id = d.id) LIMIT 2`,
		organizationID, replace.ID)
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

// directory reads one; locking is empty or locks the row of the directory alone.
func directory(ctx context.Context, q sqldb.Reader, organizationID, id, locking string) (store.Directory, error) {
	return sqldb.ReadOne(ctx, q, directoryFields, fault.Missing("directory", id),
		`SELECT `+directoryColumns+directoryTables+`WHERE d.organization_id = $1 AND d.id = $2`+locking, organizationID, id)
}

const lockDirectory = lock + ` OF d`

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return directory(ctx, s.db, organizationID, id, "")
}

// Directories implements store.Store.
func (s *Store) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	if _, err := s.Organization(ctx, organizationID); err != nil {
		return nil, err
	}
	return sqldb.ReadAll(ctx, s.db, directoryFields, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.organization_id = $1 AND d.id COLLATE "C" > $2 AND (d.delete_time = 0 OR $3) ORDER BY d.id COLLATE "C" LIMIT $4`,
		organizationID, after, deleted, limit)
}

// UpdateDirectory implements store.Store.
func (s *Store) UpdateDirectory(ctx context.Context, organizationID, id string, change store.DirectoryChange, now time.Time) (d store.Directory, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		before, err := directory(ctx, tx, organizationID, id, lockDirectory)
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
		_, err = tx.Exec(ctx, `UPDATE directories SET display_name = $1, strict = $2, unique_group_names = $3, update_time = $4,
			revision = $5 WHERE organization_id = $6 AND id = $7`, d.DisplayName, d.Strict, d.UniqueGroupNames,
			sqldb.Time(&d.UpdateTime), d.Revision, organizationID, id)
		return err
	})
	return d, err
}

// DeleteDirectory implements store.Store.
func (s *Store) DeleteDirectory(ctx context.Context, organizationID, id string, now time.Time) (d store.Directory, digests [][sha256.Size]byte, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		if d, err = directory(ctx, tx, organizationID, id, lockDirectory); err != nil {
			return err
		}
		if !d.Deleted() {
			d.DeleteTime, d.UpdateTime = now, now
			if d.Revision, err = nextRevision(ctx, tx); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE directories SET delete_time = $1, update_time = $1, revision = $2
				WHERE organization_id = $3 AND id = $4`, sqldb.Time(&now), d.Revision, organizationID, id); err != nil {
				return err
			}
		}
		// A key that is being created waits for the directory's row, and then finds it deleted.
		digests, err = readDigests(ctx, tx, `SELECT digest FROM keys WHERE organization_id = $1 AND directory_id = $2`, organizationID, id)
		return err
	})
	return d, digests, err
}

func readDigests(ctx context.Context, tx pgx.Tx, query string, args ...any) (digests [][sha256.Size]byte, err error) {
	raw, err := sqldb.ReadAll(ctx, tx, sqldb.Value[[]byte], query, args...)
	for _, digest := range raw {
		digests = append(digests, [sha256.Size]byte(digest))
	}
	return digests, err
}

// DirectoriesAfter implements store.Store.
func (s *Store) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return sqldb.ReadAll(ctx, s.db, directoryFields, `SELECT `+directoryColumns+directoryTables+
		`WHERE d.revision > $1 ORDER BY d.revision LIMIT $2`, revision, limit)
}
