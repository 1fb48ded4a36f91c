-- +goose Up
-- One row. See pgdb.DB.Epoch.
CREATE TABLE meta (
  only_row        integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           text    NOT NULL,
  database        text    NOT NULL,
  least_migration bigint  NOT NULL
);
INSERT INTO meta VALUES (1, left(replace(gen_random_uuid()::text, '-', ''), 12), '', 1);

-- The directories that identity knows, and the revision up to which it followed them.
CREATE TABLE directories (
  organization_id    text    NOT NULL COLLATE "C",
  id                 text    NOT NULL COLLATE "C",
  strict             boolean NOT NULL,
  unique_group_names boolean NOT NULL,
  adopt_by_name      boolean NOT NULL,
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
-- The search for cycles goes from group to group, past the users.
CREATE INDEX members_nested ON members (organization_id, group_id, member_id) WHERE member_group;
CREATE INDEX members_carried ON members (organization_id, group_id, member_id) WHERE carried;

-- A record becomes visible once no transaction older than its own is open: then no record can come before it.
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

-- For each organization, the newest record that was trimmed.
CREATE TABLE trimmed (
  organization_id text   NOT NULL COLLATE "C" PRIMARY KEY,
  transaction     bigint NOT NULL,
  sequence        bigint NOT NULL
);
CREATE INDEX trimmed_newest ON trimmed (transaction, sequence);

-- The number of users and groups of each directory, from the change records of the transactions below
-- folded.transaction. Readers add the records after those. No write of a resource touches a row of this table.
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
  records     bigint  NOT NULL, -- folded so far
  analyzed    bigint  NOT NULL  -- the value of records when Usher last analyzed the tables
);
INSERT INTO folded VALUES (1, 0, 0, 0);

-- Deleted users whose names in failed events are not erased yet. user_name has at most 200 characters.
CREATE TABLE deleted_users (
  organization_id text    NOT NULL COLLATE "C",
  id              text    NOT NULL COLLATE "C",
  user_name       text    NOT NULL,
  time            bigint  NOT NULL,
  PRIMARY KEY (organization_id, id)
);

-- How often each quirk, each ignored attribute and each milestone appeared in a directory's messages. A background task writes
-- these counts; no write of a resource touches a row of this table.
CREATE TABLE message_counts (
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL COLLATE "C",
  kind            integer NOT NULL, -- 1 quirk, 2 path of an ignored attribute, 3 milestone, 4 unregistered attribute
  name            text    NOT NULL COLLATE "C",
  messages        bigint  NOT NULL,
  first_time      bigint  NOT NULL,
  last_time       bigint  NOT NULL,
  last_message_id text    NOT NULL,
  PRIMARY KEY (organization_id, directory_id, kind, name)
);

-- The extensions that are registered for directories.
CREATE TABLE schemas (
  organization_id text    NOT NULL COLLATE "C",
  directory_id    text    NOT NULL COLLATE "C",
  id              text    NOT NULL COLLATE "C", -- a URN, which is ASCII
  resource_group  boolean NOT NULL, -- true: it extends groups; false: users
  definition      bytea   NOT NULL, -- JSON of RFC 7643 section 7
  create_time     bigint  NOT NULL,
  update_time     bigint  NOT NULL
);
CREATE UNIQUE INDEX schemas_id ON schemas (organization_id, directory_id, lower(id));
