-- +goose Up
-- People who have signed in, or who use a portal link. organization_id is '' for the operator.
CREATE TABLE sessions (
  organization_id  text    NOT NULL,
  id               text    COLLATE "C" NOT NULL,
  digest           bytea   NOT NULL,
  principal_kind   integer NOT NULL, -- usher.common.v1.PrincipalKind
  scopes           bigint  NOT NULL, -- a set of bits: see usher.common.v1.Scope
  provider         text    NOT NULL, -- '' for a portal link
  subject          text    NOT NULL, -- the id of the portal link, if it is one
  provider_session text    NOT NULL, -- the id of the session at the identity provider, or ''
  one_directory    boolean NOT NULL,
  directory_id     text    NOT NULL, -- '' for all, or for one that is yet to be created
  address          text    NOT NULL,
  create_time      bigint  NOT NULL,
  use_time         bigint  NOT NULL,
  expire_time      bigint  NOT NULL,
  revoke_time      bigint  NOT NULL, -- 0 while it is not revoked
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
  organization_id text    NOT NULL REFERENCES organizations (id),
  id              text    COLLATE "C" NOT NULL,
  digest          bytea   NOT NULL,
  scopes          bigint  NOT NULL, -- a set of bits: see usher.common.v1.Scope
  new_directory   boolean NOT NULL,
  directory_id    text    NOT NULL, -- '' for all, or for one that is yet to be created
  created_by      text    NOT NULL,
  create_time     bigint  NOT NULL,
  expire_time     bigint  NOT NULL,
  use_time        bigint  NOT NULL, -- 0 until somebody uses it
  use_address     text    NOT NULL,
  revoke_time     bigint  NOT NULL, -- 0 while it is not revoked
  PRIMARY KEY (organization_id, id)
);
-- Read without an organization: a browser presents only a secret.
CREATE UNIQUE INDEX portal_links_digest ON portal_links (digest);
CREATE INDEX portal_links_expire_time ON portal_links (expire_time);

-- People who cannot sign in. The digest is that of the provider and the subject: gateways look it up like that of a key.
CREATE TABLE blocked_subjects (
  provider    text   COLLATE "C" NOT NULL,
  subject     text   COLLATE "C" NOT NULL,
  digest      bytea  NOT NULL,
  create_time bigint NOT NULL,
  blocked_by  text   NOT NULL,
  PRIMARY KEY (provider, subject)
);
CREATE UNIQUE INDEX blocked_subjects_digest ON blocked_subjects (digest);
