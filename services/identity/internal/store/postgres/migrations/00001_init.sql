-- +goose Up
-- One row. See pgdb.DB.Epoch.
CREATE TABLE meta (
  only_row        integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           text    NOT NULL,
  database        text    NOT NULL,
  least_migration bigint  NOT NULL
);
INSERT INTO meta VALUES (1, left(replace(gen_random_uuid()::text, '-', ''), 12), '', 1);

-- What identity learned of directories, and up to which revision.
CREATE TABLE directories (
  organization_id    text    NOT NULL COLLATE "C",
  id                 text    NOT NULL COLLATE "C",
  strict             boolean NOT NULL,
  unique_group_names boolean NOT NULL,
  replaces_id        text    NOT NULL COLLATE "C", -- '' for none
  closed             boolean NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE TABLE followed (
  only_row integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch    text    NOT NULL,
  revision bigint  NOT NULL
);
INSERT INTO followed VALUES (1, '', 0);

CREATE TABLE users (
  organization_id  text    NOT NULL COLLATE "C",
  id               text    NOT NULL COLLATE "C",
  directory_id     text    NOT NULL COLLATE "C",
  user_name        text    NOT NULL,
  user_name_folded text    NOT NULL COLLATE "C",
  external_id      text    NOT NULL COLLATE "C", -- '' for none
  display_name     text    NOT NULL,
  active           boolean NOT NULL,
  version          bigint  NOT NULL,
  document         bytea   NOT NULL,
  create_time      bigint  NOT NULL, -- microseconds since 1970, as all times here
  update_time      bigint  NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_user_name ON users (organization_id, directory_id, user_name_folded);
CREATE UNIQUE INDEX users_external_id ON users (organization_id, directory_id, external_id) WHERE external_id <> '';
CREATE INDEX users_directory ON users (organization_id, directory_id, id);
CREATE INDEX users_inactive ON users (organization_id, directory_id, id) WHERE NOT active;

CREATE TABLE search_values (
  organization_id text NOT NULL COLLATE "C",
  attribute       text NOT NULL COLLATE "C",
  value           text NOT NULL COLLATE "C",
  user_id         text NOT NULL COLLATE "C",
  PRIMARY KEY (organization_id, attribute, value, user_id)
);
CREATE INDEX search_values_user ON search_values (organization_id, user_id);

CREATE TABLE groups (
  organization_id     text   NOT NULL COLLATE "C",
  id                  text   NOT NULL COLLATE "C",
  directory_id        text   NOT NULL COLLATE "C",
  display_name        text   NOT NULL,
  display_name_folded text   NOT NULL COLLATE "C",
  external_id         text   NOT NULL COLLATE "C", -- '' for none
  version             bigint NOT NULL,
  document            bytea  NOT NULL,
  create_time         bigint NOT NULL,
  update_time         bigint NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX groups_directory ON groups (organization_id, directory_id, id);
CREATE INDEX groups_name ON groups (organization_id, display_name_folded, id);
CREATE INDEX groups_external_id ON groups (organization_id, directory_id, external_id) WHERE external_id <> '';

CREATE TABLE members (
  organization_id text    NOT NULL COLLATE "C",
  group_id        text    NOT NULL COLLATE "C",
  member_id       text    NOT NULL COLLATE "C",
  member_group    boolean NOT NULL, -- the member is a group
  carried         boolean NOT NULL,
  PRIMARY KEY (organization_id, group_id, member_id)
);
CREATE INDEX members_member ON members (organization_id, member_id, group_id);
-- Who looks for cycles walks from group to group, past the users.
CREATE INDEX members_nested ON members (organization_id, group_id, member_id) WHERE member_group;
CREATE INDEX members_carried ON members (organization_id, group_id, member_id) WHERE carried;

-- A record is seen once no transaction that is older than its own is open: then none can come before it.
CREATE TABLE changes (
  transaction     bigint  NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  sequence        bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL,
  resource_group  boolean NOT NULL, -- the resource is a group
  resource_id     text    NOT NULL,
  revision        bigint  NOT NULL,
  kind            integer NOT NULL,
  member_id       text    NOT NULL,
  member_group    boolean NOT NULL,
  message_id      text    NOT NULL,
  traceparent     text    NOT NULL,
  time            bigint  NOT NULL,
  PRIMARY KEY (transaction, sequence)
);
CREATE INDEX changes_organization ON changes (organization_id, transaction, sequence);

-- The newest record of each organization that was trimmed.
CREATE TABLE trimmed (
  organization_id text   NOT NULL COLLATE "C" PRIMARY KEY,
  transaction     bigint NOT NULL,
  sequence        bigint NOT NULL
);
CREATE INDEX trimmed_newest ON trimmed (transaction, sequence);

-- How many users and groups a directory has, as the change records of the transactions below folded.transaction say. Who asks
-- adds what the records after those say. A write touches no row here.
CREATE TABLE totals (
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL COLLATE "C",
  resource_group  boolean NOT NULL, -- it counts groups
  total           bigint  NOT NULL,
  PRIMARY KEY (organization_id, directory_id, resource_group)
);
CREATE TABLE folded (
  only_row    integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  transaction bigint  NOT NULL,
  records     bigint  NOT NULL, -- that were folded
  analyzed    bigint  NOT NULL  -- of them, when the tables were last analyzed by us
);
INSERT INTO folded VALUES (1, 0, 0, 0);

-- What of a directory's messages was understood otherwise than the RFCs have it, or ignored, and how often. Folded in the
-- background: no write of a resource touches it.
CREATE TABLE oddities (
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL COLLATE "C",
  ignored         boolean NOT NULL, -- name is the path of an attribute; else it is a quirk's
  name            text    NOT NULL COLLATE "C",
  messages        bigint  NOT NULL,
  first_time      bigint  NOT NULL,
  last_time       bigint  NOT NULL,
  last_message_id text    NOT NULL,
  PRIMARY KEY (organization_id, directory_id, ignored, name)
);

-- Extensions that were registered for directories.
CREATE TABLE schemas (
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL COLLATE "C",
  id              text    NOT NULL COLLATE "C", -- a URN, which is ASCII
  resource_group  boolean NOT NULL, -- it extends groups; else users
  definition      bytea   NOT NULL, -- JSON of RFC 7643 section 7
  create_time     bigint  NOT NULL,
  update_time     bigint  NOT NULL
);
CREATE UNIQUE INDEX schemas_id ON schemas (organization_id, directory_id, lower(id));
