package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getSettings             = statements.Load("get_settings", "organization_id")
	updateSettings          = statements.Load("update_settings", "when_unknown", "organization_id")
	insertClosedDirectory   = statements.Load("insert_closed_directory", "organization_id", "directory_id")
	getProgress             = statements.Load("get_progress", "organization_id")
	updateProgress          = statements.Load("update_progress", "as_of", "behind", "organization_id")
	deleteClosedDirectories = statements.Load("delete_closed_directories", "organization_id")
)

func (s *Store) Settings(ctx context.Context, organizationID string) (settings store.Settings, err error) {
	err = s.db.QueryRow(ctx, getSettings, organizationID).Scan(&settings.WhenUnknown)
	return settings, err
}

func (t *organizationTx) Settings(ctx context.Context) (settings store.Settings, err error) {
	err = t.tx.QueryRow(ctx, getSettings, t.organization).Scan(&settings.WhenUnknown)
	return settings, err
}

func (t *organizationTx) PutSettings(ctx context.Context, settings store.Settings) error {
	_, err := t.tx.Exec(ctx, updateSettings, settings.WhenUnknown, t.organization)
	return err
}

func (t *organizationTx) CloseDirectory(ctx context.Context, directoryID string) error {
	_, err := t.tx.Exec(ctx, insertClosedDirectory, t.organization, directoryID)
	return err
}

func (t *organizationTx) Progress(ctx context.Context) (p store.Progress, err error) {
	err = t.tx.QueryRow(ctx, getProgress, t.organization).Scan(&p.Checkpoint, dbtype.Time(&p.AsOf), &p.Behind)
	return p, err
}

func (t *organizationTx) SetProgress(ctx context.Context, asOf time.Time, behind bool) error {
	_, err := t.tx.Exec(ctx, updateProgress, dbtype.Micros(asOf), behind, t.organization)
	return err
}

func (t *organizationTx) ForgetClosedDirectories(ctx context.Context) error {
	_, err := t.tx.Exec(ctx, deleteClosedDirectories, t.organization)
	return err
}
