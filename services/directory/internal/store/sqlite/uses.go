package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	recordKeyUse        = statements.Load("record_key_use", "use_time", "address", "digest")
	recordCredentialUse = statements.Load("record_credential_use", "use_time", "address", "digest")
	recordSessionUse    = statements.Load("record_session_use", "use_time", "digest")
	recordRefusals      = statements.Load("record_refusals", "count", "last_time", "last_reason", "id")
)

func (s *Store) RecordUses(ctx context.Context, uses []store.Use, refusals []store.Refusals) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, u := range uses {
			for _, statement := range []string{recordKeyUse, recordCredentialUse} {
				if _, err := tx.Exec(ctx, statement, dbtype.Micros(u.Time), u.Address, u.Digest[:]); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, recordSessionUse, dbtype.Micros(u.Time), u.Digest[:]); err != nil {
				return err
			}
		}
		for _, r := range refusals {
			if _, err := tx.Exec(ctx, recordRefusals, r.Count, dbtype.Micros(r.LastTime), int32(r.LastReason), r.DirectoryID); err != nil {
				return err
			}
		}
		return nil
	})
}
