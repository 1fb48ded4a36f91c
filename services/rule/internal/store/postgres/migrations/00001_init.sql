-- +goose Up

-- Times are microseconds since 1970, in UTC. Numbers of kinds and states are those of package store. Ordered columns have a
-- collation that compares bytes, as Go does, whatever the database's default collation is.

-- One row. See pgdb.DB.Epoch.
CREATE TABLE meta (
  only_row        integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  epoch           text    NOT NULL,
  database        text    NOT NULL,
  least_migration bigint  NOT NULL
);
INSERT INTO meta VALUES (1, left(replace(gen_random_uuid()::text, '-', ''), 12), '', 1);

-- One row. The cursor of identity's activity up to which every organization is known.
CREATE TABLE activity (
  only_row integer NOT NULL PRIMARY KEY CHECK (only_row = 1),
  cursor   text    NOT NULL
);
INSERT INTO activity VALUES (1, '');

-- generation counts changes of rules and pins. checkpoint is a cursor of identity's feed. recovering is set while a walk replaces
-- lost records. Access includes every change that identity acknowledged before as_of. behind is set while as_of waits for enqueued
-- work. when_unknown is a setting. erasing is set while the organization is being erased: to the time of the request. erased is the
-- time of the last ended erasure's request. commits counts the Updates that wrote something: polling reads it. The rows are updated
-- often, so their pages have free space.
CREATE TABLE organizations (
    organization_id   text    COLLATE "C" NOT NULL PRIMARY KEY,
    generation        bigint  NOT NULL DEFAULT 0,
    commits           bigint  NOT NULL DEFAULT 0,
    checkpoint        text    NOT NULL DEFAULT '',
    owner_id          text    NOT NULL DEFAULT '',
    owner_token       bigint  NOT NULL DEFAULT 0,
    owner_expire_time bigint  NOT NULL DEFAULT 0,
    recovering        boolean NOT NULL DEFAULT false,
    recovery_token    text    NOT NULL DEFAULT '',
    recovery_after    text    NOT NULL DEFAULT '',
    as_of             bigint  NOT NULL DEFAULT 0,
    behind            boolean NOT NULL DEFAULT false,
    when_unknown      integer NOT NULL DEFAULT 0,
    erasing           bigint  NOT NULL DEFAULT 0,
    erased            bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE INDEX organizations_erasing ON organizations (organization_id) WHERE erasing > 0;

CREATE TABLE tenants (
    organization_id text   COLLATE "C" NOT NULL,
    id              text   COLLATE "C" NOT NULL,
    display_name    text   NOT NULL,
    create_time     bigint NOT NULL,
    update_time     bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE roles (
    id           text    COLLATE "C" NOT NULL PRIMARY KEY,
    display_name text    NOT NULL,
    scope        integer NOT NULL,
    rank         integer NOT NULL
);

INSERT INTO roles (id, display_name, scope, rank) VALUES
    ('participant', 'Participant', 1, 10),
    ('designer', 'Designer', 1, 20),
    ('developer', 'Developer', 1, 30),
    ('automation-admin', 'Automation Admin', 1, 40),
    ('global-admin', 'Global Admin', 1, 50),
    ('organization-admin', 'Organization Admin', 2, 100);

CREATE TABLE rules (
    organization_id text    COLLATE "C" NOT NULL,
    id              text    COLLATE "C" NOT NULL,
    display_name    text    NOT NULL,
    enabled         boolean NOT NULL,
    match_kind      integer NOT NULL,
    match_value     text    NOT NULL,
    unresolved      boolean NOT NULL,
    revision        bigint  NOT NULL,
    create_time     bigint  NOT NULL,
    update_time     bigint  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX rules_unresolved ON rules (organization_id, id) WHERE unresolved;

CREATE TABLE rule_grants (
    organization_id text    COLLATE "C" NOT NULL,
    rule_id         text    COLLATE "C" NOT NULL,
    position        integer NOT NULL,
    tenant_id       text    COLLATE "C" NOT NULL,
    role_id         text    COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, rule_id, position)
);

CREATE INDEX rule_grants_by_tenant ON rule_grants (organization_id, tenant_id);
CREATE INDEX rule_grants_by_role ON rule_grants (organization_id, role_id);

CREATE TABLE rule_pins (
    organization_id text    COLLATE "C" NOT NULL,
    rule_id         text    COLLATE "C" NOT NULL,
    directory_id    text    COLLATE "C" NOT NULL,
    group_id        text    NOT NULL,
    state           integer NOT NULL,
    time            bigint  NOT NULL,
    PRIMARY KEY (organization_id, rule_id, directory_id)
);

-- Rules with a change that waits for a rule sync, also deleted rules. earlier_time is the time of the oldest change before the newest rule
-- sync began, later_time that of the oldest change since then; 0 for none. A completed rule sync removes the earlier ones.
CREATE TABLE rule_changes (
    organization_id text COLLATE "C" NOT NULL,
    rule_id         text COLLATE "C" NOT NULL,
    earlier_time    bigint           NOT NULL,
    later_time      bigint           NOT NULL,
    PRIMARY KEY (organization_id, rule_id)
);

-- Users as of their last reconcile, also those without access. digest shows whether their facts have changed since. suspended
-- repeats that suspensions has a row, and unknown_as_of, if not 0, that set_aside has a row, so that a check reads one row.
CREATE TABLE holders (
    organization_id text    COLLATE "C" NOT NULL,
    user_id         text    COLLATE "C" NOT NULL,
    active          boolean NOT NULL,
    directory_id    text    COLLATE "C" NOT NULL,
    detached        boolean NOT NULL,
    digest          text    NOT NULL,
    suspended       boolean NOT NULL,
    unknown_as_of   bigint  NOT NULL,
    rule_access     integer NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

CREATE INDEX holders_unknown ON holders (organization_id, rule_access, user_id) WHERE unknown_as_of > 0;

-- Users with suspended access. They need not be holders, nor exist.
CREATE TABLE suspensions (
    organization_id text   COLLATE "C" NOT NULL,
    user_id         text   COLLATE "C" NOT NULL,
    reason          text   NOT NULL,
    suspended_by    text   NOT NULL,
    create_time     bigint NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

-- Users that could not be reconciled. Each is a holder.
CREATE TABLE set_aside (
    organization_id text    COLLATE "C" NOT NULL,
    user_id         text    COLLATE "C" NOT NULL,
    mode            integer NOT NULL,
    message_id      text    NOT NULL,
    sync_id         text    NOT NULL,
    traceparent     text    NOT NULL,
    detail          text    NOT NULL,
    attempts        integer NOT NULL,
    as_of           bigint  NOT NULL,
    create_time     bigint  NOT NULL,
    retry_time      bigint  NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

CREATE INDEX set_aside_due ON set_aside (organization_id, retry_time, user_id);
CREATE INDEX set_aside_oldest ON set_aside (as_of);

-- Directories that were deleted.
CREATE TABLE closed_directories (
    organization_id text COLLATE "C" NOT NULL,
    directory_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, directory_id)
);

-- The sources of access. rule_id is empty for manual access.
CREATE TABLE sources (
    organization_id text    COLLATE "C" NOT NULL,
    user_id         text    COLLATE "C" NOT NULL,
    tenant_id       text    COLLATE "C" NOT NULL,
    role_id         text    COLLATE "C" NOT NULL,
    kind            integer NOT NULL,
    rule_id         text    COLLATE "C" NOT NULL,
    granted_by      text    NOT NULL,
    create_time     bigint  NOT NULL,
    retained        boolean NOT NULL,
    keep            boolean NOT NULL,
    kept_time       bigint  NOT NULL,
    PRIMARY KEY (organization_id, user_id, tenant_id, role_id, kind, rule_id)
);

CREATE INDEX sources_by_tenant ON sources (organization_id, tenant_id, user_id, role_id);
CREATE INDEX sources_by_role ON sources (organization_id, role_id, user_id, tenant_id);
CREATE INDEX sources_retained ON sources (organization_id, user_id) WHERE retained;

-- The access feed. transaction wrote the record. The record is readable when no older transaction is open, because then no record
-- can appear before it.
CREATE TABLE access_feed (
    organization_id text    COLLATE "C" NOT NULL,
    transaction     bigint  NOT NULL,
    sequence        bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id         text    COLLATE "C" NOT NULL,
    tenant_id       text    NOT NULL,
    role_id         text    NOT NULL,
    kind            integer NOT NULL,
    message_id      text    NOT NULL,
    sync_id         text    COLLATE "C" NOT NULL,
    traceparent     text    NOT NULL,
    time            bigint  NOT NULL,
    PRIMARY KEY (organization_id, transaction, sequence)
);

-- Trimming starts with the oldest records of all organizations.
CREATE INDEX access_feed_by_age ON access_feed (transaction, sequence);

-- Sequences of one organization increase with its commits, because an Update locks it.
CREATE INDEX access_feed_by_user ON access_feed (organization_id, user_id, sequence);
CREATE INDEX access_feed_by_sync ON access_feed (organization_id, sync_id, sequence) WHERE sync_id <> '';

-- The newest trimmed record of each organization. This is a separate table, so that trimming and work on an organization do not wait
-- for each other.
CREATE TABLE access_feed_trimmed (
    organization_id text   COLLATE "C" NOT NULL PRIMARY KEY,
    transaction     bigint NOT NULL,
    sequence        bigint NOT NULL
);

-- Groups with members to reconcile. Causes are numbered: id is the cause that created the row, root is its oldest cause, newest is
-- its newest cause, and started is the newest cause of all when it was begun, or 0. Finished rows stay while any row is unfinished:
-- they show for which causes a group need not be expanded again.
CREATE TABLE expansions (
    organization_id text    COLLATE "C" NOT NULL,
    group_id        text    COLLATE "C" NOT NULL,
    id              bigint  NOT NULL,
    root            bigint  NOT NULL,
    newest          bigint  NOT NULL,
    started         bigint  NOT NULL DEFAULT 0,
    done            boolean NOT NULL DEFAULT false,
    page_token      text    NOT NULL DEFAULT '',
    from_cursor     text    NOT NULL,
    message_id      text    NOT NULL,
    traceparent     text    NOT NULL,
    PRIMARY KEY (organization_id, group_id, id)
);

CREATE INDEX expansions_open ON expansions (organization_id, root, group_id, id) WHERE NOT done;
CREATE INDEX expansions_newest ON expansions (organization_id, newest);

-- Users to settle.
CREATE TABLE requeued (
    organization_id text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

-- set_aside_ids are the first users that were set aside. pace_users and pace_micros are a moving sum: how many users the recent pages had,
-- and how long they took.
CREATE TABLE syncs (
    organization_id text    COLLATE "C" NOT NULL,
    id              text    COLLATE "C" NOT NULL,
    state           integer NOT NULL,
    page_token      text    NOT NULL,
    after_user      text    NOT NULL,
    users_done      bigint  NOT NULL,
    access_added    bigint  NOT NULL,
    access_removed  bigint  NOT NULL,
    users_set_aside bigint  NOT NULL,
    set_aside_ids   text    NOT NULL,
    users_total     bigint  NOT NULL,
    pace_users      double precision NOT NULL,
    pace_micros     double precision NOT NULL,
    started_by      text    NOT NULL,
    traceparent     text    NOT NULL,
    create_time     bigint  NOT NULL,
    update_time     bigint  NOT NULL,
    end_time        bigint  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE UNIQUE INDEX syncs_running ON syncs (organization_id) WHERE state = 1;

-- Reports that the failedevents service has not accepted yet.
CREATE TABLE reports (
    organization_id text   COLLATE "C" NOT NULL,
    id              text   COLLATE "C" NOT NULL,
    kind            integer NOT NULL,
    user_id         text   NOT NULL,
    message_id      text   NOT NULL,
    trace_id        text   NOT NULL,
    detail          text   NOT NULL,
    time            bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE INDEX reports_by_id ON reports (id);

-- Calls that created something, for a day, so that a repetition creates nothing. organization_id is '' if there is none.
CREATE TABLE requests (
    organization_id text   COLLATE "C" NOT NULL,
    principal       text   COLLATE "C" NOT NULL,
    request_type    text   COLLATE "C" NOT NULL, -- each RPC has its own
    id              text   COLLATE "C" NOT NULL,
    digest          bytea  NOT NULL,
    resource_id     text   NOT NULL, -- of the created resource
    create_time     bigint NOT NULL,
    PRIMARY KEY (organization_id, principal, request_type, id)
);
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
