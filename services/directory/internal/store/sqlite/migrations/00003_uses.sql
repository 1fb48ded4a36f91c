-- +goose Up
-- An older binary would ignore the address ranges of a credential.
ALTER TABLE service_credentials ADD COLUMN address_ranges TEXT NOT NULL DEFAULT ''; -- separated by spaces; '' for any address
ALTER TABLE service_credentials ADD COLUMN replaced_by_id TEXT NOT NULL DEFAULT ''; -- '' until it is rotated
ALTER TABLE keys ADD COLUMN replaced_by_id TEXT NOT NULL DEFAULT '';
-- The last use, at the gateway that saw it; 0 and '' for none. A time is to the minute.
ALTER TABLE service_credentials ADD COLUMN last_use_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE service_credentials ADD COLUMN last_use_address TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN last_use_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN last_use_address TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN created_by_kind INTEGER NOT NULL DEFAULT 0; -- usher.common.v1.PrincipalKind
-- Requests that named the directory, with no key that opens it. They do not change the revision.
ALTER TABLE directories ADD COLUMN refused_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE directories ADD COLUMN last_refusal_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE directories ADD COLUMN last_refusal_reason INTEGER NOT NULL DEFAULT 0; -- usher.directory.v1.RefusalReason
-- Read without an organization: a URL contains only the id of a directory.
CREATE INDEX directories_id ON directories (id);
-- For the warnings before keys and credentials expire.
CREATE INDEX keys_expire_time ON keys (expire_time) WHERE expire_time <> 0 AND revoke_time = 0;
CREATE INDEX service_credentials_expire_time ON service_credentials (expire_time) WHERE expire_time <> 0 AND revoke_time = 0;
UPDATE meta SET least_migration = 3;
