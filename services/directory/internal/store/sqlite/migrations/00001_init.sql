-- +goose Up
-- One row. A binary refuses the file if it does not know the migration least_migration.
CREATE TABLE meta (
  only_row        INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           TEXT    NOT NULL,
  least_migration INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(6))), 1);

CREATE TABLE organizations (
  id           TEXT    NOT NULL PRIMARY KEY,
  display_name TEXT    NOT NULL,
  federated    INTEGER NOT NULL,
  create_time  INTEGER NOT NULL, -- microseconds since 1970, like all times here
  update_time  INTEGER NOT NULL,
  -- The following columns are set during an erasure; else they are 0 or ''.
  erase_time     INTEGER NOT NULL DEFAULT 0,
  erase_revision INTEGER NOT NULL DEFAULT 0,  -- the newest of its directories; 0 for none
  waiting        TEXT    NOT NULL DEFAULT '', -- services that have not confirmed, separated by spaces
  clear_time     INTEGER NOT NULL DEFAULT 0   -- when everything except this row was erased; 0 before
) WITHOUT ROWID;
CREATE INDEX organizations_erasing ON organizations (erase_time, id) WHERE erase_time <> 0;

CREATE TABLE directories (
  organization_id    TEXT    NOT NULL REFERENCES organizations (id),
  id                 TEXT    NOT NULL,
  display_name       TEXT    NOT NULL,
  strict             INTEGER NOT NULL,
  unique_group_names INTEGER NOT NULL,
  replaces_id        TEXT    NOT NULL, -- '' for none
  create_time        INTEGER NOT NULL,
  update_time        INTEGER NOT NULL,
  delete_time        INTEGER NOT NULL, -- 0 while it is not deleted
  revision           INTEGER NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX directories_revision ON directories (revision);
-- A directory is replaced by at most one other.
CREATE UNIQUE INDEX directories_replaces ON directories (organization_id, replaces_id) WHERE replaces_id <> '';

-- The newest revision of all directories. It is stored separately, so that it never decreases.
CREATE TABLE revision (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  newest   INTEGER NOT NULL
);
INSERT INTO revision VALUES (1, 0);

CREATE TABLE keys (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  id              TEXT    NOT NULL,
  display_name    TEXT    NOT NULL,
  digest          BLOB    NOT NULL,
  create_time     INTEGER NOT NULL,
  expire_time     INTEGER NOT NULL, -- 0 for never
  revoke_time     INTEGER NOT NULL, -- 0 while it is not revoked
  PRIMARY KEY (organization_id, directory_id, id),
  FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
) WITHOUT ROWID;
-- Read without an organization: an IdP presents only a digest.
CREATE UNIQUE INDEX keys_digest ON keys (digest);

-- These belong to no organization: a credential opens several, or all.
CREATE TABLE service_credentials (
  id                TEXT    NOT NULL PRIMARY KEY,
  display_name      TEXT    NOT NULL,
  organization_ids  TEXT    NOT NULL, -- separated by spaces; '' for all
  all_organizations INTEGER NOT NULL,
  may_write         INTEGER NOT NULL,
  digest            BLOB    NOT NULL,
  create_time       INTEGER NOT NULL,
  expire_time       INTEGER NOT NULL, -- 0 for never
  revoke_time       INTEGER NOT NULL, -- 0 while it is not revoked
  CHECK ((organization_ids = '') = (all_organizations = 1))
) WITHOUT ROWID;
CREATE UNIQUE INDEX service_credentials_digest ON service_credentials (digest);

-- The keys that sign leases. They belong to no organization, are few, and are valid for a short time.
CREATE TABLE signing_keys (
  id          TEXT    NOT NULL PRIMARY KEY,
  secret      BLOB    NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL
) WITHOUT ROWID;

-- Calls that created something, for a day, so that a repetition creates nothing. organization_id is '' if there is none.
CREATE TABLE requests (
  organization_id TEXT    NOT NULL,
  principal       TEXT    NOT NULL,
  request_type    TEXT    NOT NULL, -- each RPC has its own
  id              TEXT    NOT NULL,
  digest          BLOB    NOT NULL,
  resource_id     TEXT    NOT NULL, -- of the created resource
  create_time     INTEGER NOT NULL,
  PRIMARY KEY (organization_id, principal, request_type, id)
) WITHOUT ROWID;
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
