-- +goose Up
-- One row. See pgdb.DB.Epoch.
CREATE TABLE meta (
  only_row        integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           text    NOT NULL,
  database        text    NOT NULL,
  least_migration bigint  NOT NULL
);
INSERT INTO meta VALUES (1, left(replace(gen_random_uuid()::text, '-', ''), 12), '', 1);

CREATE TABLE events (
  organization_id  text    NOT NULL COLLATE "C",
  id               text    NOT NULL COLLATE "C",
  directory_id     text    NOT NULL COLLATE "C", -- '' for none
  message_id       text    NOT NULL COLLATE "C",
  source           integer NOT NULL,
  time             bigint  NOT NULL, -- microseconds since 1970, like all times here
  operation        text    NOT NULL,
  resource_id      text    NOT NULL,
  status           integer NOT NULL,
  reason           text    NOT NULL,
  scim_type        text    NOT NULL,
  detail           text    NOT NULL,
  remedy           text    NOT NULL,
  trace_id         text    NOT NULL,
  acknowledge_time bigint  NOT NULL, -- 0 before somebody acknowledges it
  acknowledged_by  text    NOT NULL,
  PRIMARY KEY (organization_id, id)
);
-- One index for each kind of list, so that a page reads little more than it shows.
CREATE INDEX events_time ON events (organization_id, time, id);
CREATE INDEX events_directory ON events (organization_id, directory_id, time, id);
CREATE INDEX events_message ON events (organization_id, message_id, time, id);
CREATE INDEX events_open ON events (organization_id, time, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory ON events (organization_id, directory_id, time, id) WHERE acknowledge_time = 0;

-- Erased organizations, and those that are being erased. erasing is the time of the request, 0 after the end. ended is the time of the
-- request of the last ended erasure. A failed event that is not after time belongs to the erased organization: it may arrive late, when
-- another organization has the id.
CREATE TABLE erased (
  organization_id text    NOT NULL COLLATE "C" PRIMARY KEY,
  time            bigint  NOT NULL,
  erasing         bigint  NOT NULL,
  ended           bigint  NOT NULL
);
CREATE INDEX erased_erasing ON erased (organization_id) WHERE erasing > 0;
