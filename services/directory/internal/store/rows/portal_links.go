package rows

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// portalLinkFields are organization_id, id, digest, scopes, new_directory, directory_id, created_by, create_time, expire_time, use_time,
// use_address, revoke_time.
func portalLinkFields(l *store.PortalLink) []any {
	return []any{
		&l.OrganizationID, &l.ID, dbtype.Digest(&l.Digest), &l.Scopes, &l.NewDirectory, &l.DirectoryID, &l.CreatedBy,
		dbtype.Time(&l.CreateTime), dbtype.Time(&l.ExpireTime), dbtype.Time(&l.UseTime), &l.UseAddress, dbtype.Time(&l.RevokeTime),
	}
}

func (s Store) ResolvePortalLink(ctx context.Context, digest [sha256.Size]byte) (store.PortalLink, error) {
	return ReadOne(ctx, s.Conn, portalLinkFields, store.ErrUnknownKey, s.sql.resolvePortalLink, digest[:])
}

func (s Store) PortalLinks(ctx context.Context, organizationID, before string, limit int) ([]store.PortalLink, error) {
	return ReadAll(ctx, s.Conn, portalLinkFields, s.sql.listPortalLinks, organizationID, before, limit)
}

func (t Tx) PortalLink(ctx context.Context, id string) (store.PortalLink, error) {
	return ReadOne(ctx, t.Conn, portalLinkFields, fault.Missing("portal link", id), t.sql.getPortalLink, t.OrganizationID, id)
}

func (t Tx) CreatePortalLink(ctx context.Context, l store.PortalLink) error {
	_, err := t.Conn.Exec(ctx, t.sql.insertPortalLink, t.OrganizationID, l.ID, l.Digest[:], int64(l.Scopes), l.NewDirectory, l.DirectoryID,
		l.CreatedBy, dbtype.Time(&l.CreateTime), dbtype.Time(&l.ExpireTime))
	return err
}

func (t Tx) PutPortalLink(ctx context.Context, l store.PortalLink) error {
	_, err := t.Conn.Exec(ctx, t.sql.updatePortalLink, l.DirectoryID, dbtype.Time(&l.UseTime), l.UseAddress, dbtype.Time(&l.RevokeTime),
		t.OrganizationID, l.ID)
	return err
}

func (t Tx) CountOpenPortalLinks(ctx context.Context, at time.Time) (int, error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int], nil, t.sql.countOpenPortalLinks, t.OrganizationID, dbtype.Time(&at))
}

func (t Tx) ErasePortalLinks(ctx context.Context, limit int) (int, error) {
	erased, err := t.Conn.Exec(ctx, t.sql.deletePortalLinks, t.OrganizationID, limit)
	return int(erased), err
}

func (s Store) DeletePortalLinks(ctx context.Context, expired time.Time, limit int) (int, error) {
	deleted, err := s.Conn.Exec(ctx, s.sql.deleteEndedPortalLinks, dbtype.Time(&expired), limit)
	return int(deleted), err
}
