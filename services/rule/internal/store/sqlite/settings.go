package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// selectSettings gives the zero settings for an organization that is not known.
const selectSettings = `SELECT coalesce(max(when_unknown), 0) FROM organizations WHERE organization_id = ?`

// Settings implements store.Store.
func (s *Store) Settings(ctx context.Context, organizationID string) (settings store.Settings, err error) {
	err = s.db.QueryRow(ctx, selectSettings, organizationID).Scan(&settings.WhenUnknown)
	return settings, err
}

// Settings implements store.Tx.
func (t *organizationTx) Settings(ctx context.Context) (settings store.Settings, err error) {
	err = t.tx.QueryRow(ctx, selectSettings, t.organization).Scan(&settings.WhenUnknown)
	return settings, err
}

// PutSettings implements store.Tx.
func (t *organizationTx) PutSettings(ctx context.Context, settings store.Settings) error {
	_, err := t.tx.Exec(ctx, `UPDATE organizations SET when_unknown = ? WHERE organization_id = ?`, settings.WhenUnknown, t.organization)
	return err
}

// CloseDirectory implements store.Tx.
func (t *organizationTx) CloseDirectory(ctx context.Context, directoryID string) error {
	_, err := t.tx.Exec(ctx, `INSERT OR IGNORE INTO closed_directories (organization_id, directory_id) VALUES (?, ?)`, t.organization, directoryID)
	return err
}

// Progress implements store.Tx.
func (t *organizationTx) Progress(ctx context.Context) (p store.Progress, err error) {
	var asOf int64
	err = t.tx.QueryRow(ctx, `SELECT checkpoint, as_of, behind FROM organizations WHERE organization_id = ?`, t.organization).
		Scan(&p.Checkpoint, &asOf, &p.Behind)
	p.AsOf = fromMicros(asOf)
	return p, err
}

// SetProgress implements store.Tx.
func (t *organizationTx) SetProgress(ctx context.Context, asOf time.Time, behind bool) error {
	_, err := t.tx.Exec(ctx, `UPDATE organizations SET as_of = max(as_of, ?), behind = ? WHERE organization_id = ?`,
		micros(asOf), behind, t.organization)
	return err
}

// ForgetClosedDirectories implements store.Tx.
func (t *organizationTx) ForgetClosedDirectories(ctx context.Context) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM closed_directories WHERE organization_id = ?`, t.organization)
	return err
}
