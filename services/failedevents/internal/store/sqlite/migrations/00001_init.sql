-- +goose Up
-- One row. A binary refuses the file if it does not know the migration least_migration.
CREATE TABLE meta (
  only_row        INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           TEXT    NOT NULL,
  least_migration INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(6))), 1);

CREATE TABLE events (
  organization_id         TEXT    NOT NULL,
  id                      TEXT    NOT NULL,
  directory_id            TEXT    NOT NULL, -- '' for none
  message_id              TEXT    NOT NULL,
  source                  INTEGER NOT NULL,
  time                    INTEGER NOT NULL, -- microseconds since 1970, like all times here
  operation               TEXT    NOT NULL,
  resource_id             TEXT    NOT NULL,
  status                  INTEGER NOT NULL,
  reason                  TEXT    NOT NULL,
  scim_type               TEXT    NOT NULL,
  detail                  TEXT    NOT NULL,
  remedy                  TEXT    NOT NULL,
  admin_action            TEXT    NOT NULL,
  trace_id                TEXT    NOT NULL,
  acknowledge_time        INTEGER NOT NULL, -- 0 before somebody acknowledges it
  acknowledged_by         TEXT    NOT NULL,
  subject                 TEXT    NOT NULL, -- '' for none, or erased
  subject_key             TEXT    NOT NULL, -- of the subject: see store.NameKey
  conflicting_resource_id TEXT    NOT NULL,
  conflicting_name        TEXT    NOT NULL, -- '' for none, or erased
  conflicting_key         TEXT    NOT NULL, -- of the conflicting name
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
-- One index for each kind of list, so that a page reads little more than it shows.
CREATE INDEX events_time ON events (organization_id, time, id);
CREATE INDEX events_directory ON events (organization_id, directory_id, time, id);
CREATE INDEX events_message ON events (organization_id, message_id, time, id);
CREATE INDEX events_open ON events (organization_id, time, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory ON events (organization_id, directory_id, time, id) WHERE acknowledge_time = 0;
-- These also serve the counts by reason.
CREATE INDEX events_reason ON events (organization_id, reason, time, id);
CREATE INDEX events_directory_reason ON events (organization_id, directory_id, reason, time, id);
CREATE INDEX events_open_reason ON events (organization_id, reason, time, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory_reason ON events (organization_id, directory_id, reason, time, id) WHERE acknowledge_time = 0;
-- These find the names of a user who was deleted.
CREATE INDEX events_subject_id ON events (organization_id, resource_id, time) WHERE subject <> '';
CREATE INDEX events_subject_key ON events (organization_id, subject_key, time) WHERE subject <> '';
CREATE INDEX events_conflicting_id ON events (organization_id, conflicting_resource_id, time) WHERE conflicting_name <> '';
CREATE INDEX events_conflicting_key ON events (organization_id, conflicting_key, time) WHERE conflicting_name <> '';

-- What the gateways counted, for 30 days. hour is the beginning of an hour. The id is that of a tally of a gateway, which increases.
CREATE TABLE tallies (
  organization_id TEXT    NOT NULL,
  directory_id    TEXT    NOT NULL,
  hour            INTEGER NOT NULL,
  id              TEXT    NOT NULL,
  accepted        INTEGER NOT NULL,
  failed          INTEGER NOT NULL,
  rate_limited    INTEGER NOT NULL,
  PRIMARY KEY (organization_id, directory_id, hour, id)
) WITHOUT ROWID;
-- Read without an organization: old rows are deleted.
CREATE INDEX tallies_hour ON tallies (hour);

-- One row for each directory that has ever sent a message.
CREATE TABLE activity (
  organization_id    TEXT    NOT NULL,
  directory_id       TEXT    NOT NULL,
  last_message_time  INTEGER NOT NULL,
  last_accepted_time INTEGER NOT NULL, -- 0 for none
  last_failed_time   INTEGER NOT NULL, -- 0 for none
  PRIMARY KEY (organization_id, directory_id)
) WITHOUT ROWID;

-- Erased organizations, and those that are being erased. erasing is the time of the request, 0 after the end. ended is the time of the
-- request of the last ended erasure. A failed event or tally that is not after time belongs to the erased organization: it may arrive
-- late, when another organization has the id.
CREATE TABLE erased (
  organization_id TEXT    NOT NULL PRIMARY KEY,
  time            INTEGER NOT NULL,
  erasing         INTEGER NOT NULL,
  ended           INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX erased_erasing ON erased (organization_id) WHERE erasing > 0;

-- The ids of deleted users, and the keys of their names. A failed event that is not after time may arrive late, and its name is not
-- stored. Rows are kept for some time only.
CREATE TABLE erased_names (
  organization_id TEXT    NOT NULL,
  key             TEXT    NOT NULL,
  time            INTEGER NOT NULL,
  PRIMARY KEY (organization_id, key)
) WITHOUT ROWID;
CREATE INDEX erased_names_time ON erased_names (time);
