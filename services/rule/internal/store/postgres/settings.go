package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getSettings             = statements.Load("get_settings", "organization_id")
	insertClosedDirectory   = statements.Load("insert_closed_directory", "organization_id", "directory_id")
	deleteClosedDirectories = statements.Load("delete_closed_directories", "organization_id")
)

func (s *Store) Settings(ctx context.Context, organizationID string) (settings store.Settings, err error) {
	all, err := pgdb.ReadAll(ctx, s.db, dbtype.Value[int], getSettings, organizationID)
	if err != nil || len(all) == 0 {
		return settings, err // an unknown organization has the default settings
	}
	settings.WhenUnknown = store.WhenUnknown(all[0])
	return settings, nil
}

func (t *organizationTx) Settings(context.Context) (store.Settings, error) {
	return t.row.settings, nil
}

func (t *organizationTx) PutSettings(_ context.Context, settings store.Settings) error {
	t.row.settings, t.wrote = settings, true
	return nil
}

func (t *organizationTx) CloseDirectory(ctx context.Context, directoryID string) error {
	return t.write(ctx, insertClosedDirectory, t.organization, directoryID)
}

func (t *organizationTx) ForgetClosedDirectories(ctx context.Context) error {
	return t.write(ctx, deleteClosedDirectories, t.organization)
}
