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
  create_time  bigint  NOT NULL, -- microseconds since 1970, as all times here
  update_time  bigint  NOT NULL,
  -- Of one that is being erased; 0 and '' else.
  erase_time     bigint NOT NULL DEFAULT 0,
  erase_revision bigint NOT NULL DEFAULT 0,  -- the newest of its directories; 0 for none
  waiting        text   NOT NULL DEFAULT '', -- services that have not confirmed, with a space between
  clear_time     bigint NOT NULL DEFAULT 0   -- when all that was left was this row; 0 before
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
-- One directory replaces another at most.
CREATE UNIQUE INDEX directories_replaces ON directories (organization_id, replaces_id) WHERE replaces_id <> '';

-- The newest revision of all directories. Taking the next one locks the row until commit, so that revisions are committed
-- in their order; directories change rarely.
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
-- Looked up without an organization: a digest is all that an IdP presents.
CREATE UNIQUE INDEX keys_digest ON keys (digest);

-- Of no organization: a credential opens several, or all.
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

-- What leases are signed by: of no organization, few, and short-lived.
CREATE TABLE signing_keys (
  id          text   NOT NULL PRIMARY KEY,
  secret      bytea  NOT NULL,
  create_time bigint NOT NULL,
  expire_time bigint NOT NULL
);

-- Calls that created something, so that a repetition creates nothing: for a day. organization_id is '' for what belongs to none.
CREATE TABLE requests (
  organization_id text   NOT NULL,
  principal       text   NOT NULL,
  request_type    text   NOT NULL, -- each RPC has its own
  id              text   NOT NULL,
  digest          bytea  NOT NULL,
  resource_id     text   NOT NULL, -- of what was created
  create_time     bigint NOT NULL,
  PRIMARY KEY (organization_id, principal, request_type, id)
);
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
