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
  organization_id         text    NOT NULL COLLATE "C",
  id                      text    NOT NULL COLLATE "C",
  directory_id            text    NOT NULL COLLATE "C", -- '' for none
  message_id              text    NOT NULL COLLATE "C",
  source                  integer NOT NULL,
  time                    bigint  NOT NULL, -- microseconds since 1970, like all times here
  operation               text    NOT NULL,
  resource_id             text    NOT NULL COLLATE "C",
  status                  integer NOT NULL,
  reason                  text    NOT NULL COLLATE "C",
  scim_type               text    NOT NULL,
  detail                  text    NOT NULL,
  remedy                  text    NOT NULL,
  admin_action            text    NOT NULL,
  trace_id                text    NOT NULL,
  acknowledge_time        bigint  NOT NULL, -- 0 before somebody acknowledges it
  acknowledged_by         text    NOT NULL,
  subject                 text    NOT NULL, -- '' for none, or erased
  subject_key             text    NOT NULL COLLATE "C", -- of the subject: see store.NameKey
  conflicting_resource_id text    NOT NULL COLLATE "C",
  conflicting_name        text    NOT NULL, -- '' for none, or erased
  conflicting_key         text    NOT NULL COLLATE "C", -- of the conflicting name
  PRIMARY KEY (organization_id, id)
);
-- One index for each kind of list, so that a page reads little more than it shows. No column is null: see read_by_index for NULLS FIRST.
CREATE INDEX events_time ON events (organization_id, time, id);
CREATE INDEX events_directory ON events (organization_id, directory_id, time, id NULLS FIRST);
CREATE INDEX events_message ON events (organization_id, message_id, time, id);
CREATE INDEX events_open ON events (organization_id, time, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory ON events (organization_id, directory_id, time, id NULLS FIRST) WHERE acknowledge_time = 0;
-- These also serve the counts by reason.
CREATE INDEX events_reason ON events (organization_id, reason, time NULLS FIRST, id);
CREATE INDEX events_directory_reason ON events (organization_id, directory_id, reason, time NULLS FIRST, id NULLS FIRST);
CREATE INDEX events_open_reason ON events (organization_id, reason, time NULLS FIRST, id) WHERE acknowledge_time = 0;
CREATE INDEX events_open_directory_reason ON events (organization_id, directory_id, reason, time NULLS FIRST, id NULLS FIRST) WHERE acknowledge_time = 0;
-- These find the names of a user who was deleted.
CREATE INDEX events_subject_id ON events (organization_id, resource_id, time) WHERE subject <> '';
CREATE INDEX events_subject_key ON events (organization_id, subject_key, time) WHERE subject <> '';
CREATE INDEX events_conflicting_id ON events (organization_id, conflicting_resource_id, time) WHERE conflicting_name <> '';
CREATE INDEX events_conflicting_key ON events (organization_id, conflicting_key, time) WHERE conflicting_name <> '';

-- What the gateways counted, for 30 days. hour is the beginning of an hour. The id is that of a tally of a gateway, which increases.
CREATE TABLE tallies (
  organization_id text   NOT NULL COLLATE "C",
  directory_id    text   NOT NULL COLLATE "C",
  hour            bigint NOT NULL,
  id              text   NOT NULL COLLATE "C",
  accepted        bigint NOT NULL,
  failed          bigint NOT NULL,
  rate_limited    bigint NOT NULL,
  PRIMARY KEY (organization_id, directory_id, hour, id)
);
-- Read without an organization: old rows are deleted.
CREATE INDEX tallies_hour ON tallies (hour);

-- One row for each directory that has ever sent a message.
CREATE TABLE activity (
  organization_id    text   NOT NULL COLLATE "C",
  directory_id       text   NOT NULL COLLATE "C",
  last_message_time  bigint NOT NULL,
  last_accepted_time bigint NOT NULL, -- 0 for none
  last_failed_time   bigint NOT NULL, -- 0 for none
  PRIMARY KEY (organization_id, directory_id)
);

-- Erased organizations, and those that are being erased. erasing is the time of the request, 0 after the end. ended is the time of the
-- request of the last ended erasure. A failed event or tally that is not after time belongs to the erased organization: it may arrive
-- late, when another organization has the id.
CREATE TABLE erased (
  organization_id text    NOT NULL COLLATE "C" PRIMARY KEY,
  time            bigint  NOT NULL,
  erasing         bigint  NOT NULL,
  ended           bigint  NOT NULL
);
CREATE INDEX erased_erasing ON erased (organization_id) WHERE erasing > 0;

-- The ids of deleted users, and the keys of their names. A failed event that is not after time may arrive late, and its name is not
-- stored. Rows are kept for some time only.
CREATE TABLE erased_names (
  organization_id text    NOT NULL COLLATE "C",
  key             text    NOT NULL COLLATE "C",
  time            bigint  NOT NULL,
  PRIMARY KEY (organization_id, key)
);
CREATE INDEX erased_names_time ON erased_names (time);
