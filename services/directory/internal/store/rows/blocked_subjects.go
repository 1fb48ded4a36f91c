package rows

import (
	"context"
	"crypto/sha256"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// blockedSubjectFields are provider, subject, digest, create_time, blocked_by.
func blockedSubjectFields(b *store.BlockedSubject) []any {
	return []any{&b.Provider, &b.Subject, dbtype.Digest(&b.Digest), dbtype.Time(&b.CreateTime), &b.BlockedBy}
}

func (s Store) ResolveBlockedSubject(ctx context.Context, digest [sha256.Size]byte) (store.BlockedSubject, error) {
	return ReadOne(ctx, s.Conn, blockedSubjectFields, store.ErrUnknownKey, s.sql.resolveBlockedSubject, digest[:])
}

func (s Store) BlockedSubjects(ctx context.Context, provider, subject string, limit int) ([]store.BlockedSubject, error) {
	return ReadAll(ctx, s.Conn, blockedSubjectFields, s.sql.listBlockedSubjects, provider, subject, limit)
}

func (t AllTx) BlockedSubject(ctx context.Context, provider, subject string) (store.BlockedSubject, error) {
	return ReadOne(ctx, t.Conn, blockedSubjectFields, fault.Missing("blocked subject", subject), t.sql.getBlockedSubject, provider, subject)
}

func (t AllTx) CreateBlockedSubject(ctx context.Context, b store.BlockedSubject) error {
	_, err := t.Conn.Exec(ctx, t.sql.insertBlockedSubject, b.Provider, b.Subject, b.Digest[:], dbtype.Time(&b.CreateTime), b.BlockedBy)
	return err
}

func (t AllTx) DeleteBlockedSubject(ctx context.Context, provider, subject string) error {
	_, err := t.Conn.Exec(ctx, t.sql.deleteBlockedSubject, provider, subject)
	return err
}

func (t AllTx) CountBlockedSubjects(ctx context.Context) (int, error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int], nil, t.sql.countBlockedSubjects)
}
