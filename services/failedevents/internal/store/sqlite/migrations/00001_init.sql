-- +goose Up
-- One row. A binary that knows no migration as new as least_migration can't work on the file.
CREATE TABLE meta (
  only_row        INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           TEXT    NOT NULL,
  least_migration INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(6))), 1);

CREATE TABLE events (
  organization_id  TEXT    NOT NULL,
  id               TEXT    NOT NULL,
  directory_id     TEXT    NOT NULL, -- '' for none
  message_id       TEXT    NOT NULL,
  source           INTEGER NOT NULL,
  time             INTEGER NOT NULL, -- microseconds since 1970, as all times here
  operation        TEXT    NOT NULL,
  resource_id      TEXT    NOT NULL,
  status           INTEGER NOT NULL,
  reason           TEXT    NOT NULL,
  scim_type        TEXT    NOT NULL,
  detail           TEXT    NOT NULL,
  remedy           TEXT    NOT NULL,
  trace_id         TEXT    NOT NULL,
  acknowledge_time INTEGER NOT NULL, -- 0 while nobody has acknowledged it
  acknowledged_by  TEXT    NOT NULL,
  PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;
-- One for each way of listing, so that a page reads little more than what it shows.
CREATE INDEX events_time ON events (organization_id, time, id);
CREATE INDEX events_directory ON events (organization_id, directory_id, time, id);
CREATE INDEX events_message ON events (organization_id, message_id, time, id);
CREATE INDEX events_open ON events (organization_id, time, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory ON events (organization_id, directory_id, time, id) WHERE acknowledge_time = 0;

-- Organizations that were erased, or are being erased: erasing is when that was asked for, 0 once it has ended, and ended that of the
-- last erasure that has. An event that is not after time is of what was erased: it may come late, when the id is another
-- organization's.
CREATE TABLE erased (
  organization_id TEXT    NOT NULL PRIMARY KEY,
  time            INTEGER NOT NULL,
  erasing         INTEGER NOT NULL,
  ended           INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX erased_erasing ON erased (organization_id) WHERE erasing > 0;
