-- +goose Up
-- One row. A binary whose newest migration is older than least_migration refuses the file.
CREATE TABLE meta (
  only_row        INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           TEXT    NOT NULL,
  least_migration INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(6))), 1);

-- The directories that identity knows, and the revision up to which it followed them.
CREATE TABLE directories (
  organization_id    TEXT    NOT NULL,
  id                 TEXT    NOT NULL,
  strict             INTEGER NOT NULL,
  unique_group_names INTEGER NOT NULL,
  adopt_by_name      INTEGER NOT NULL,
  replaces_id        TEXT    NOT NULL, -- '' for none
  closed             INTEGER NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
CREATE TABLE followed (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch    TEXT    NOT NULL,
  revision INTEGER NOT NULL
);
INSERT INTO followed VALUES (1, '', 0);

CREATE TABLE users (
  organization_id  TEXT    NOT NULL,
  id               TEXT    NOT NULL,
  directory_id     TEXT    NOT NULL,
  user_name        TEXT    NOT NULL,
  user_name_folded TEXT    NOT NULL,
  external_id      TEXT    NOT NULL, -- '' for none
  display_name     TEXT    NOT NULL,
  active           INTEGER NOT NULL,
  version          INTEGER NOT NULL,
  document         BLOB    NOT NULL,
  create_time      INTEGER NOT NULL, -- microseconds since 1970, as all times here
  update_time      INTEGER NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_user_name ON users (organization_id, directory_id, user_name_folded);
CREATE UNIQUE INDEX users_external_id ON users (organization_id, directory_id, external_id) WHERE external_id <> '';
CREATE INDEX users_directory ON users (organization_id, directory_id, id);
CREATE INDEX users_inactive ON users (organization_id, directory_id, id) WHERE active = 0;

CREATE TABLE search_values (
  organization_id TEXT NOT NULL,
  attribute       TEXT NOT NULL,
  value           TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  PRIMARY KEY (organization_id, attribute, value, user_id)
) WITHOUT ROWID;
CREATE INDEX search_values_user ON search_values (organization_id, user_id);

CREATE TABLE groups (
  organization_id     TEXT    NOT NULL,
  id                  TEXT    NOT NULL,
  directory_id        TEXT    NOT NULL,
  display_name        TEXT    NOT NULL,
  display_name_folded TEXT    NOT NULL,
  external_id         TEXT    NOT NULL, -- '' for none
  version             INTEGER NOT NULL,
  document            BLOB    NOT NULL,
  create_time         INTEGER NOT NULL,
  update_time         INTEGER NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX groups_directory ON groups (organization_id, directory_id, id);
CREATE INDEX groups_name ON groups (organization_id, display_name_folded, id);
CREATE INDEX groups_external_id ON groups (organization_id, directory_id, external_id) WHERE external_id <> '';

CREATE TABLE members (
  organization_id TEXT    NOT NULL,
  group_id        TEXT    NOT NULL,
  member_id       TEXT    NOT NULL,
  member_group    INTEGER NOT NULL, -- 1: the member is a group
  carried         INTEGER NOT NULL,
  PRIMARY KEY (organization_id, group_id, member_id)
) WITHOUT ROWID;
CREATE INDEX members_member ON members (organization_id, member_id, group_id);
-- Checks of nesting go from group to group, past the users.
CREATE INDEX members_nested ON members (organization_id, group_id, member_id) WHERE member_group = 1;
CREATE INDEX members_carried ON members (organization_id, group_id, member_id) WHERE carried = 1;

CREATE TABLE changes (
  sequence        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  resource_group  INTEGER NOT NULL, -- 1: the resource is a group
  resource_id     TEXT    NOT NULL,
  revision        INTEGER NOT NULL,
  kind            INTEGER NOT NULL,
  member_id       TEXT    NOT NULL,
  member_group    INTEGER NOT NULL,
  message_id      TEXT    NOT NULL,
  traceparent     TEXT    NOT NULL,
  time            INTEGER NOT NULL
);
CREATE INDEX changes_organization ON changes (organization_id, sequence);

-- For each organization, the newest record that was trimmed.
CREATE TABLE trimmed (
  organization_id TEXT    NOT NULL PRIMARY KEY,
  sequence        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX trimmed_newest ON trimmed (sequence);

-- Deleted users whose names in failed events are not erased yet. user_name has at most 200 characters.
CREATE TABLE deleted_users (
  organization_id TEXT    NOT NULL,
  id              TEXT    NOT NULL,
  user_name       TEXT    NOT NULL,
  time            INTEGER NOT NULL,
  erased          INTEGER NOT NULL DEFAULT 0, -- 1: the file is scrubbed when the row is deleted
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

-- How often each quirk, each ignored attribute and each milestone appeared in a directory's messages. A background task writes
-- these counts; no write of a resource touches a row of this table.
CREATE TABLE message_counts (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  kind            INTEGER NOT NULL, -- 1 quirk, 2 path of an ignored attribute, 3 milestone, 4 unregistered attribute
  name            TEXT    NOT NULL,
  messages        INTEGER NOT NULL,
  first_time      INTEGER NOT NULL,
  last_time       INTEGER NOT NULL,
  last_message_id TEXT    NOT NULL,
  PRIMARY KEY (organization_id, directory_id, kind, name)
) WITHOUT ROWID;

-- The extensions that are registered for directories.
CREATE TABLE schemas (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  id              TEXT    NOT NULL COLLATE NOCASE, -- a URN, which is ASCII
  resource_group  INTEGER NOT NULL, -- 1: it extends groups; 0: users
  definition      BLOB    NOT NULL, -- JSON of RFC 7643 section 7
  create_time     INTEGER NOT NULL,
  update_time     INTEGER NOT NULL,
  PRIMARY KEY (organization_id, directory_id, id)
) WITHOUT ROWID;

-- The number of users and groups of each directory. Counting them took longer than the rest of a page. There is only
-- one writer, so nobody waits for these rows.
CREATE TABLE totals (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  resource_group  INTEGER NOT NULL, -- 1: it counts groups
  total           INTEGER NOT NULL,
  PRIMARY KEY (organization_id, directory_id, resource_group)
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER users_come AFTER INSERT ON users BEGIN
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 0, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_go AFTER DELETE ON users BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 0;
END;
-- +goose StatementEnd
-- An adopted resource changes its directory.
-- +goose StatementBegin
CREATE TRIGGER users_move AFTER UPDATE OF directory_id ON users WHEN OLD.directory_id <> NEW.directory_id BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 0;
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 0, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_come AFTER INSERT ON groups BEGIN
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 1, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_go AFTER DELETE ON groups BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER groups_move AFTER UPDATE OF directory_id ON groups WHEN OLD.directory_id <> NEW.directory_id BEGIN
  UPDATE totals SET total = total - 1
    WHERE organization_id = OLD.organization_id AND directory_id = OLD.directory_id AND resource_group = 1;
  INSERT INTO totals VALUES (NEW.organization_id, NEW.directory_id, 1, 1)
    ON CONFLICT (organization_id, directory_id, resource_group) DO UPDATE SET total = total + 1;
END;
-- +goose StatementEnd
