package rows

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// sessionFields are organization_id, id, digest, principal_kind, scopes, provider, subject, provider_session, one_directory, directory_id,
// address, create_time, use_time, expire_time, revoke_time.
func sessionFields(s *store.Session) []any {
	return []any{
		&s.OrganizationID, &s.ID, dbtype.Digest(&s.Digest), &s.Kind, &s.Scopes, &s.Provider, &s.Subject, &s.ProviderSession,
		&s.OneDirectory, &s.DirectoryID, &s.Address,
		dbtype.Time(&s.CreateTime), dbtype.Time(&s.UseTime), dbtype.Time(&s.ExpireTime), dbtype.Time(&s.RevokeTime),
	}
}

func (s Store) ResolveSession(ctx context.Context, digest [sha256.Size]byte) (store.Session, error) {
	return ReadOne(ctx, s.Conn, sessionFields, store.ErrUnknownKey, s.sql.resolveSession, digest[:])
}

func (s Store) Sessions(ctx context.Context, organizationID, before string, limit int) ([]store.Session, error) {
	if organizationID == "" {
		return ReadAll(ctx, s.Conn, sessionFields, s.sql.listSessions, before, limit)
	}
	return ReadAll(ctx, s.Conn, sessionFields, s.sql.listOrganizationSessions, organizationID, before, limit)
}

func (e engine) CreateSession(ctx context.Context, s store.Session) error {
	_, err := e.Conn.Exec(ctx, e.sql.insertSession, s.OrganizationID, s.ID, s.Digest[:], int64(s.Kind), int64(s.Scopes), s.Provider, s.Subject,
		s.ProviderSession, s.OneDirectory, s.DirectoryID, s.Address,
		dbtype.Time(&s.CreateTime), dbtype.Time(&s.UseTime), dbtype.Time(&s.ExpireTime))
	return err
}

func (e engine) Session(ctx context.Context, id string) (store.Session, error) {
	return ReadOne(ctx, e.Conn, sessionFields, fault.Missing("session", id), e.sql.getSession, id)
}

func (t Tx) Session(ctx context.Context, id string) (store.Session, error) {
	return ReadOne(ctx, t.Conn, sessionFields, fault.Missing("session", id), t.sql.getOrganizationSession, t.OrganizationID, id)
}

func (e engine) PutSession(ctx context.Context, s store.Session) error {
	_, err := e.Conn.Exec(ctx, e.sql.updateSession, s.DirectoryID, dbtype.Time(&s.RevokeTime), s.OrganizationID, s.ID)
	return err
}

func (e engine) SessionsOfSubject(ctx context.Context, provider, subject string, now time.Time) ([]store.Session, error) {
	return ReadAll(ctx, e.Conn, sessionFields, e.sql.listSessionsOfSubject, provider, subject, dbtype.Time(&now))
}

func (e engine) SessionsOfProviderSession(ctx context.Context, provider, session string, now time.Time) ([]store.Session, error) {
	return ReadAll(ctx, e.Conn, sessionFields, e.sql.listSessionsOfProviderSession, provider, session, dbtype.Time(&now))
}

func (t Tx) SessionDigests(ctx context.Context) ([][sha256.Size]byte, error) {
	return ReadAll(ctx, t.Conn, digestField, t.sql.listSessionDigests, t.OrganizationID)
}

func (t Tx) RevokeSessions(ctx context.Context, now time.Time) error {
	_, err := t.Conn.Exec(ctx, t.sql.revokeSessions, dbtype.Time(&now), t.OrganizationID)
	return err
}

func (t Tx) EraseSessions(ctx context.Context, limit int) (int, error) {
	erased, err := t.Conn.Exec(ctx, t.sql.deleteSessions, t.OrganizationID, limit)
	return int(erased), err
}

func (s Store) DeleteSessions(ctx context.Context, expired time.Time, limit int) (int, error) {
	deleted, err := s.Conn.Exec(ctx, s.sql.deleteEndedSessions, dbtype.Time(&expired), limit)
	return int(deleted), err
}
