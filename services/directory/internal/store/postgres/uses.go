package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	recordKeyUses        = statements.Load("record_key_uses", "digests", "times", "addresses")
	recordCredentialUses = statements.Load("record_credential_uses", "digests", "times", "addresses")
	recordSessionUses    = statements.Load("record_session_uses", "digests", "times", "addresses")
	recordRefusals       = statements.Load("record_refusals", "ids", "counts", "times", "reasons")
)

// RecordUses runs one statement for each table. Each is a transaction of its own, which waits for no other one: it skips rows that another
// transaction has locked.
func (s *Store) RecordUses(ctx context.Context, uses []store.Use, refusals []store.Refusals) error {
	if len(uses) > 0 {
		var digests [][]byte
		var times []int64
		var addresses []string
		for _, u := range uses {
			digests, times, addresses = append(digests, u.Digest[:]), append(times, dbtype.Micros(u.Time)), append(addresses, u.Address)
		}
		for _, statement := range []string{recordKeyUses, recordCredentialUses, recordSessionUses} {
			if _, err := s.db.Exec(ctx, statement, digests, times, addresses); err != nil {
				return pgdb.Reach(err)
			}
		}
	}
	if len(refusals) == 0 {
		return nil
	}
	var ids []string
	var counts, times []int64
	var reasons []int32
	for _, r := range refusals {
		ids, counts = append(ids, r.DirectoryID), append(counts, r.Count)
		times, reasons = append(times, dbtype.Micros(r.LastTime)), append(reasons, int32(r.LastReason))
	}
	_, err := s.db.Exec(ctx, recordRefusals, ids, counts, times, reasons)
	return pgdb.Reach(err)
}
