package rows

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// keyFields are organization_id, directory_id, id, display_name, digest, create_time, expire_time, revoke_time, replaced_by_id, created_by,
// created_by_kind, last_use_time, last_use_address.
func keyFields(k *store.Key) []any {
	return []any{
		&k.OrganizationID, &k.DirectoryID, &k.ID, &k.DisplayName, dbtype.Digest(&k.Digest),
		dbtype.Time(&k.CreateTime), dbtype.Time(&k.ExpireTime), dbtype.Time(&k.RevokeTime), &k.ReplacedByID,
		&k.CreatedBy.Subject, &k.CreatedBy.Kind, dbtype.Time(&k.LastUse.Time), &k.LastUse.Address,
	}
}

func digestField(d *[sha256.Size]byte) []any { return []any{dbtype.Digest(d)} }

func (s Store) Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]store.Key, error) {
	return ReadAll(ctx, s.Conn, keyFields, s.sql.listKeys, organizationID, directoryID, limit)
}

func (s Store) KeySummaries(ctx context.Context, organizationID string, directoryIDs []string, at time.Time) ([]store.KeySummary, error) {
	fields := func(k *store.KeySummary) []any {
		return []any{&k.DirectoryID, &k.Valid, dbtype.Time(&k.EarliestExpiry)}
	}
	return ReadAll(ctx, s.Conn, fields, s.sql.SummarizeKeys, organizationID, s.Conn.IDs(directoryIDs), dbtype.Time(&at))
}

func (s Store) Resolve(ctx context.Context, digest [sha256.Size]byte) (store.Key, store.Directory, error) {
	var row struct {
		key       store.Key
		directory store.Directory
	}
	into := append(keyFields(&row.key), directoryFields(&row.directory)...)
	err := s.Conn.ReadOne(ctx, into, store.ErrUnknownKey, s.sql.resolveKey, digest[:])
	return row.key, row.directory, err
}

func (t Tx) Key(ctx context.Context, directoryID, id string) (store.Key, error) {
	return ReadOne(ctx, t.Conn, keyFields, fault.Missing("API key", id), t.sql.getKey, t.OrganizationID, directoryID, id)
}

func (t Tx) CreateKey(ctx context.Context, k store.Key) error {
	_, err := t.Conn.Exec(ctx, t.sql.insertKey, t.OrganizationID, k.DirectoryID, k.ID, k.DisplayName,
		k.Digest[:], dbtype.Time(&k.CreateTime), dbtype.Time(&k.ExpireTime), k.CreatedBy.Subject, int32(k.CreatedBy.Kind))
	return err
}

func (t Tx) PutKey(ctx context.Context, k store.Key) error {
	_, err := t.Conn.Exec(ctx, t.sql.updateKey, dbtype.Time(&k.ExpireTime), dbtype.Time(&k.RevokeTime), k.ReplacedByID,
		t.OrganizationID, k.DirectoryID, k.ID)
	return err
}

func (t Tx) CountKeys(ctx context.Context, directoryID string, at time.Time) (int, error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int], nil, t.sql.countValidKeys, t.OrganizationID, directoryID, dbtype.Time(&at))
}

func (t Tx) Digests(ctx context.Context, directoryID string) ([][sha256.Size]byte, error) {
	return ReadAll(ctx, t.Conn, digestField, t.sql.listDigests, t.OrganizationID, directoryID)
}

func (t Tx) EraseKeys(ctx context.Context, limit int) (int, error) {
	removed, err := t.Conn.Exec(ctx, t.sql.deleteKeys, t.OrganizationID, limit)
	return int(removed), err
}
