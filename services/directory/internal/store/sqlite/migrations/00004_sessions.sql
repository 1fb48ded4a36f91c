-- +goose Up
-- People who have signed in, or who use a portal link. organization_id is '' for the operator.
CREATE TABLE sessions (
  organization_id  TEXT    NOT NULL,
  id               TEXT    NOT NULL,
  digest           BLOB   NOT NULL,
  principal_kind   INTEGER NOT NULL, -- usher.common.v1.PrincipalKind
  scopes           INTEGER  NOT NULL, -- a set of bits: see usher.common.v1.Scope
  provider         TEXT    NOT NULL, -- '' for a portal link
  subject          TEXT    NOT NULL, -- the id of the portal link, if it is one
  provider_session TEXT    NOT NULL, -- the id of the session at the identity provider, or ''
  one_directory    INTEGER NOT NULL,
  directory_id     TEXT    NOT NULL, -- '' for all, or for one that is yet to be created
  address          TEXT    NOT NULL,
  create_time      INTEGER  NOT NULL,
  use_time         INTEGER  NOT NULL,
  expire_time      INTEGER  NOT NULL,
  revoke_time      INTEGER  NOT NULL, -- 0 while it is not revoked
  PRIMARY KEY (organization_id, id)
);
-- Read without an organization: a browser presents only a secret, and the operator lists all sessions.
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE UNIQUE INDEX sessions_id ON sessions (id);
-- Read without an organization: identity providers end the sessions of a person, or of one of their own sessions.
CREATE INDEX sessions_subject ON sessions (provider, subject, id);
CREATE INDEX sessions_provider_session ON sessions (provider, provider_session) WHERE provider_session <> '';
CREATE INDEX sessions_expire_time ON sessions (expire_time);

-- Links that give a session once.
CREATE TABLE portal_links (
  organization_id TEXT    NOT NULL REFERENCES organizations (id),
  id              TEXT    NOT NULL,
  digest          BLOB   NOT NULL,
  scopes          INTEGER  NOT NULL, -- a set of bits: see usher.common.v1.Scope
  new_directory   INTEGER NOT NULL,
  directory_id    TEXT    NOT NULL, -- '' for all, or for one that is yet to be created
  created_by      TEXT    NOT NULL,
  create_time     INTEGER  NOT NULL,
  expire_time     INTEGER  NOT NULL,
  use_time        INTEGER  NOT NULL, -- 0 until somebody uses it
  use_address     TEXT    NOT NULL,
  revoke_time     INTEGER  NOT NULL, -- 0 while it is not revoked
  PRIMARY KEY (organization_id, id)
);
-- Read without an organization: a browser presents only a secret.
CREATE UNIQUE INDEX portal_links_digest ON portal_links (digest);
CREATE INDEX portal_links_expire_time ON portal_links (expire_time);

-- People who cannot sign in. The digest is that of the provider and the subject: gateways look it up like that of a key.
CREATE TABLE blocked_subjects (
  provider    TEXT   NOT NULL,
  subject     TEXT   NOT NULL,
  digest      BLOB  NOT NULL,
  create_time INTEGER NOT NULL,
  blocked_by  TEXT   NOT NULL,
  PRIMARY KEY (provider, subject)
);
CREATE UNIQUE INDEX blocked_subjects_digest ON blocked_subjects (digest);
