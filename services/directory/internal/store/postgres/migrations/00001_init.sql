-- +goose Up
-- One row. See pgdb.DB.Epoch.
CREATE TABLE meta (
  only_row        integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           text    NOT NULL,
  database        text    NOT NULL,
  least_migration bigint  NOT NULL
);
INSERT INTO meta VALUES (1, left(replace(gen_random_uuid()::text, '-', ''), 12), '', 1);

CREATE TABLE organizations (
  id           text    NOT NULL PRIMARY KEY,
  display_name text    NOT NULL,
  federated    boolean NOT NULL,
  create_time  bigint  NOT NULL, -- microseconds since 1970, like all times here
  update_time  bigint  NOT NULL,
  -- The following columns are set during an erasure; else they are 0 or ''.
  erase_time     bigint NOT NULL DEFAULT 0,
  erase_revision bigint NOT NULL DEFAULT 0,  -- the newest of its directories; 0 for none
  waiting        text   NOT NULL DEFAULT '', -- services that have not confirmed, separated by spaces
  clear_time     bigint NOT NULL DEFAULT 0   -- when everything except this row was erased; 0 before
);
CREATE INDEX organizations_erasing ON organizations (erase_time, id) WHERE erase_time <> 0;

CREATE TABLE directories (
  organization_id    text    NOT NULL REFERENCES organizations (id),
  id                 text    NOT NULL,
  display_name       text    NOT NULL,
  strict             boolean NOT NULL,
  unique_group_names boolean NOT NULL,
  replaces_id        text    NOT NULL, -- '' for none
  create_time        bigint  NOT NULL,
  update_time        bigint  NOT NULL,
  delete_time        bigint  NOT NULL, -- 0 while it is not deleted
  revision           bigint  NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX directories_revision ON directories (revision);
-- A directory is replaced by at most one other.
CREATE UNIQUE INDEX directories_replaces ON directories (organization_id, replaces_id) WHERE replaces_id <> '';

-- The newest revision of all directories. The next revision locks the row until the commit, so that revisions are committed in their
-- order. Directories change rarely.
CREATE TABLE revision (
  only_row integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  newest   bigint  NOT NULL
);
INSERT INTO revision VALUES (1, 0);

CREATE TABLE keys (
  organization_id text   NOT NULL,
  directory_id    text   NOT NULL,
  id              text   NOT NULL,
  display_name    text   NOT NULL,
  digest          bytea  NOT NULL,
  create_time     bigint NOT NULL,
  expire_time     bigint NOT NULL, -- 0 for never
  revoke_time     bigint NOT NULL, -- 0 while it is not revoked
  PRIMARY KEY (organization_id, directory_id, id),
  FOREIGN KEY (organization_id, directory_id) REFERENCES directories (organization_id, id)
);
-- Read without an organization: an IdP presents only a digest.
CREATE UNIQUE INDEX keys_digest ON keys (digest);

-- These belong to no organization: a credential opens several, or all.
CREATE TABLE service_credentials (
  id                text    NOT NULL PRIMARY KEY,
  display_name      text    NOT NULL,
  organization_ids  text[]  NOT NULL, -- empty for all
  all_organizations boolean NOT NULL,
  may_write         boolean NOT NULL,
  digest            bytea   NOT NULL,
  create_time       bigint  NOT NULL,
  expire_time       bigint  NOT NULL, -- 0 for never
  revoke_time       bigint  NOT NULL, -- 0 while it is not revoked
  CHECK ((cardinality(organization_ids) = 0) = all_organizations)
);
CREATE UNIQUE INDEX service_credentials_digest ON service_credentials (digest);

-- The keys that sign leases. They belong to no organization, are few, and are valid for a short time.
CREATE TABLE signing_keys (
  id          text   NOT NULL PRIMARY KEY,
  secret      bytea  NOT NULL,
  create_time bigint NOT NULL,
  expire_time bigint NOT NULL
);

-- Calls that created something, for a day, so that a repetition creates nothing. organization_id is '' if there is none.
CREATE TABLE requests (
  organization_id text   NOT NULL,
  principal       text   NOT NULL,
  request_type    text   NOT NULL, -- each RPC has its own
  id              text   NOT NULL,
  digest          bytea  NOT NULL,
  resource_id     text   NOT NULL, -- of the created resource
  create_time     bigint NOT NULL,
  PRIMARY KEY (organization_id, principal, request_type, id)
);
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
