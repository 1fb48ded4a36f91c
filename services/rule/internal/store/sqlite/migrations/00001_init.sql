-- +goose Up

-- Times are microseconds since 1970, in UTC. Numbers of kinds and states are those of package store.

-- One row. A binary refuses the file if it does not know the migration least_migration.
CREATE TABLE meta (
  only_row        INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           TEXT    NOT NULL,
  least_migration INTEGER NOT NULL
);
INSERT INTO meta VALUES (1, lower(hex(randomblob(6))), 1);

-- One row. The cursor of identity's activity up to which every organization is known.
CREATE TABLE activity (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  cursor   TEXT    NOT NULL
);
INSERT INTO activity VALUES (1, '');

-- generation counts changes of rules and pins. checkpoint is a cursor of identity's feed. feed_low_water is the newest sequence
-- that was trimmed from the access feed. recovery is set while a walk replaces lost records. Access includes every change that
-- identity acknowledged before as_of. behind is set while as_of waits for enqueued work. when_unknown is a setting. erasing is set
-- while the organization is being erased: to the time of the request. erased is the time of the last ended erasure's request.
CREATE TABLE organizations (
    organization_id   TEXT PRIMARY KEY,
    generation        INTEGER NOT NULL DEFAULT 0,
    checkpoint        TEXT    NOT NULL DEFAULT '',
    feed_low_water    INTEGER NOT NULL DEFAULT 0,
    owner_id          TEXT    NOT NULL DEFAULT '',
    owner_token       INTEGER NOT NULL DEFAULT 0,
    owner_expire_time INTEGER NOT NULL DEFAULT 0,
    recovering        INTEGER NOT NULL DEFAULT 0,
    recovery_token    TEXT    NOT NULL DEFAULT '',
    recovery_after    TEXT    NOT NULL DEFAULT '',
    as_of             INTEGER NOT NULL DEFAULT 0,
    behind            INTEGER NOT NULL DEFAULT 0,
    when_unknown      INTEGER NOT NULL DEFAULT 0,
    erasing           INTEGER NOT NULL DEFAULT 0,
    erased            INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX organizations_erasing ON organizations (organization_id) WHERE erasing > 0;

CREATE TABLE tenants (
    organization_id TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    create_time     INTEGER NOT NULL,
    update_time     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

CREATE TABLE roles (
    id           TEXT PRIMARY KEY,
    display_name TEXT    NOT NULL,
    scope        INTEGER NOT NULL,
    rank         INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO roles (id, display_name, scope, rank) VALUES
    ('participant', 'Participant', 1, 10),
    ('designer', 'Designer', 1, 20),
    ('developer', 'Developer', 1, 30),
    ('automation-admin', 'Automation Admin', 1, 40),
    ('global-admin', 'Global Admin', 1, 50),
    ('organization-admin', 'Organization Admin', 2, 100);

CREATE TABLE rules (
    organization_id TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    display_name    TEXT    NOT NULL,
    enabled         INTEGER NOT NULL,
    match_kind      INTEGER NOT NULL,
    match_value     TEXT    NOT NULL,
    unresolved      INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    create_time     INTEGER NOT NULL,
    update_time     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

CREATE INDEX rules_unresolved ON rules (organization_id, id) WHERE unresolved = 1;

CREATE TABLE rule_grants (
    organization_id TEXT    NOT NULL,
    rule_id         TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    tenant_id       TEXT    NOT NULL,
    role_id         TEXT    NOT NULL,
    PRIMARY KEY (organization_id, rule_id, position)
) WITHOUT ROWID;

CREATE INDEX rule_grants_by_tenant ON rule_grants (organization_id, tenant_id);
CREATE INDEX rule_grants_by_role ON rule_grants (organization_id, role_id);

CREATE TABLE rule_pins (
    organization_id TEXT    NOT NULL,
    rule_id         TEXT    NOT NULL,
    directory_id    TEXT    NOT NULL,
    group_id        TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    time            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, rule_id, directory_id)
) WITHOUT ROWID;

-- Rules with a change that waits for a rule sync, also deleted rules. earlier_time is the time of the oldest change before the newest rule
-- sync began, later_time that of the oldest change since then; 0 for none. A completed rule sync removes the earlier ones.
CREATE TABLE rule_changes (
    organization_id TEXT    NOT NULL,
    rule_id         TEXT    NOT NULL,
    earlier_time    INTEGER NOT NULL,
    later_time      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, rule_id)
) WITHOUT ROWID;

-- Users as of their last reconcile, also those without access. digest shows whether their facts have changed since. suspended
-- repeats that suspensions has a row, and unknown_as_of, if not 0, that set_aside has a row, so that a check reads one row.
CREATE TABLE holders (
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    active          INTEGER NOT NULL,
    directory_id    TEXT    NOT NULL,
    detached        INTEGER NOT NULL,
    digest          TEXT    NOT NULL,
    suspended       INTEGER NOT NULL,
    unknown_as_of   INTEGER NOT NULL,
    rule_access     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) WITHOUT ROWID;

CREATE INDEX holders_unknown ON holders (organization_id, rule_access, user_id) WHERE unknown_as_of > 0;

-- Users with suspended access. They need not be holders, nor exist.
CREATE TABLE suspensions (
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    suspended_by    TEXT    NOT NULL,
    create_time     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) WITHOUT ROWID;

-- Users that could not be reconciled. Each is a holder.
CREATE TABLE set_aside (
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    mode            INTEGER NOT NULL,
    message_id      TEXT    NOT NULL,
    sync_id         TEXT    NOT NULL,
    traceparent     TEXT    NOT NULL,
    detail          TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    as_of           INTEGER NOT NULL,
    create_time     INTEGER NOT NULL,
    retry_time      INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) WITHOUT ROWID;

CREATE INDEX set_aside_due ON set_aside (organization_id, retry_time, user_id);
CREATE INDEX set_aside_oldest ON set_aside (as_of);

-- Directories that were deleted.
CREATE TABLE closed_directories (
    organization_id TEXT NOT NULL,
    directory_id    TEXT NOT NULL,
    PRIMARY KEY (organization_id, directory_id)
) WITHOUT ROWID;

-- The sources of access. rule_id is empty for manual access.
CREATE TABLE sources (
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    tenant_id       TEXT    NOT NULL,
    role_id         TEXT    NOT NULL,
    kind            INTEGER NOT NULL,
    rule_id         TEXT    NOT NULL,
    granted_by      TEXT    NOT NULL,
    create_time     INTEGER NOT NULL,
    retained        INTEGER NOT NULL,
    keep            INTEGER NOT NULL,
    kept_time       INTEGER NOT NULL,
    PRIMARY KEY (organization_id, user_id, tenant_id, role_id, kind, rule_id)
) WITHOUT ROWID;

CREATE INDEX sources_by_tenant ON sources (organization_id, tenant_id, user_id, role_id);
CREATE INDEX sources_by_role ON sources (organization_id, role_id, user_id, tenant_id);
CREATE INDEX sources_retained ON sources (organization_id, user_id) WHERE retained = 1;

-- The access feed. AUTOINCREMENT never assigns a number twice, not even after the newest rows were trimmed.
CREATE TABLE access_feed (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    tenant_id       TEXT    NOT NULL,
    role_id         TEXT    NOT NULL,
    kind            INTEGER NOT NULL,
    message_id      TEXT    NOT NULL,
    sync_id         TEXT    NOT NULL,
    traceparent     TEXT    NOT NULL,
    time            INTEGER NOT NULL
);

CREATE INDEX access_feed_by_organization ON access_feed (organization_id, sequence);
CREATE INDEX access_feed_by_user ON access_feed (organization_id, user_id, sequence);
CREATE INDEX access_feed_by_sync ON access_feed (organization_id, sync_id, sequence) WHERE sync_id <> '';

-- Groups with members to reconcile. Causes are numbered: id is the cause that created the row, root is its oldest cause, newest is
-- its newest cause, and started is the newest cause of all when it was begun, or 0. Finished rows stay while any row is unfinished:
-- they show for which causes a group need not be expanded again.
CREATE TABLE expansions (
    organization_id TEXT    NOT NULL,
    group_id        TEXT    NOT NULL,
    id              INTEGER NOT NULL,
    root            INTEGER NOT NULL,
    newest          INTEGER NOT NULL,
    started         INTEGER NOT NULL DEFAULT 0,
    done            INTEGER NOT NULL DEFAULT 0,
    page_token      TEXT    NOT NULL DEFAULT '',
    from_cursor     TEXT    NOT NULL,
    message_id      TEXT    NOT NULL,
    traceparent     TEXT    NOT NULL,
    PRIMARY KEY (organization_id, group_id, id)
) WITHOUT ROWID;

CREATE INDEX expansions_open ON expansions (organization_id, root, group_id, id) WHERE done = 0;
CREATE INDEX expansions_newest ON expansions (organization_id, newest);

-- Users to settle.
CREATE TABLE requeued (
    organization_id TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) WITHOUT ROWID;

-- set_aside_ids are the first users that were set aside. pace_users and pace_micros are a moving sum: how many users the recent pages had,
-- and how long they took.
CREATE TABLE syncs (
    organization_id TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    page_token      TEXT    NOT NULL,
    after_user      TEXT    NOT NULL,
    users_done      INTEGER NOT NULL,
    access_added    INTEGER NOT NULL,
    access_removed  INTEGER NOT NULL,
    users_set_aside INTEGER NOT NULL,
    set_aside_ids   TEXT    NOT NULL,
    users_total     INTEGER NOT NULL,
    pace_users      REAL NOT NULL,
    pace_micros     REAL NOT NULL,
    started_by      TEXT    NOT NULL,
    traceparent     TEXT    NOT NULL,
    create_time     INTEGER NOT NULL,
    update_time     INTEGER NOT NULL,
    end_time        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX syncs_running ON syncs (organization_id) WHERE state = 1;

-- Reports that the failedevents service has not accepted yet.
CREATE TABLE reports (
    organization_id TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    kind            INTEGER NOT NULL,
    user_id         TEXT    NOT NULL,
    message_id      TEXT    NOT NULL,
    trace_id        TEXT    NOT NULL,
    detail          TEXT    NOT NULL,
    time            INTEGER NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID;

CREATE INDEX reports_by_id ON reports (id);

-- Calls that created something, for a day, so that a repetition creates nothing. organization_id is '' if there is none.
CREATE TABLE requests (
    organization_id TEXT    NOT NULL,
    principal       TEXT    NOT NULL,
    request_type    TEXT    NOT NULL, -- each RPC has its own
    id              TEXT    NOT NULL,
    digest          BLOB    NOT NULL,
    resource_id     TEXT    NOT NULL, -- of the created resource
    create_time     INTEGER NOT NULL,
    PRIMARY KEY (organization_id, principal, request_type, id)
) WITHOUT ROWID;
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
