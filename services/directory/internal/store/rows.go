package store

import (
	"crypto/sha256"

	"github.com/usher-scim/usher/services/internal/sqldb"
)

// What follows is where the columns of a row go, in the order in which every engine reads them.

// OrganizationFields are id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time.
func OrganizationFields(o *Organization) []any {
	return []any{
		&o.ID, &o.DisplayName, &o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime),
		sqldb.Time(&o.EraseTime), &o.EraseRevision, &o.Waiting, sqldb.Time(&o.ClearTime),
	}
}

// DirectoryFields are organization_id, id, display_name, strict, unique_group_names, replaces_id, create_time, update_time,
// delete_time, revision, and its organization's federated.
func DirectoryFields(d *Directory) []any {
	return []any{
		&d.OrganizationID, &d.ID, &d.DisplayName, &d.Strict, &d.UniqueGroupNames, &d.ReplacesID,
		sqldb.Time(&d.CreateTime), sqldb.Time(&d.UpdateTime), sqldb.Time(&d.DeleteTime), &d.Revision, &d.Federated,
	}
}

// KeyFields are organization_id, directory_id, id, display_name, digest, create_time, expire_time, revoke_time.
func KeyFields(k *Key) []any {
	return []any{
		&k.OrganizationID, &k.DirectoryID, &k.ID, &k.DisplayName, sqldb.Digest(&k.Digest),
		sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime), sqldb.Time(&k.RevokeTime),
	}
}

// KeyAndDirectory is what Store.Resolve reads.
type KeyAndDirectory struct {
	Key       Key
	Directory Directory
}

// ResolvedFields are those of a key, then those of its directory.
func ResolvedFields(r *KeyAndDirectory) []any {
	return append(KeyFields(&r.Key), DirectoryFields(&r.Directory)...)
}

// CredentialFields are id, display_name, organization_ids, all_organizations, may_write, digest, create_time, expire_time,
// revoke_time. Engines keep organization_ids in their own ways: organizationIDs is where it goes.
func CredentialFields(c *Credential, organizationIDs any) []any {
	return []any{
		&c.ID, &c.DisplayName, organizationIDs, &c.All, &c.Write, sqldb.Digest(&c.Digest),
		sqldb.Time(&c.CreateTime), sqldb.Time(&c.ExpireTime), sqldb.Time(&c.RevokeTime),
	}
}

// SigningKeyFields are id, secret, create_time, expire_time.
func SigningKeyFields(k *SigningKey) []any {
	return []any{&k.ID, &k.Secret, sqldb.Time(&k.CreateTime), sqldb.Time(&k.ExpireTime)}
}

// DigestField is the digest of a key.
func DigestField(d *[sha256.Size]byte) []any { return []any{sqldb.Digest(d)} }
