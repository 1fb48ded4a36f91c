-- +goose Up

-- Times are microseconds since 1970, in UTC. Numbers of kinds and states are those of package store. What is put in order
-- is so by its bytes, as Go does it: whatever the database's collation, its columns have their own.

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

-- generation counts changes of rules and pins. checkpoint is a cursor of identity's feed. recovering is set while a walk
-- makes up for lost records. Access includes every change that identity acknowledged before as_of; behind is set while it waits
-- for what is enqueued. when_unknown is a setting. erasing is set while the organization is being erased: to when that was asked
-- for. erased is that of its last erasure. commits counts the Updates that wrote something: who was not told of one sees it there. The
-- rows are rewritten often, so that their pages leave room for it.
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

-- Users as they were last seen, also those who hold nothing: digest tells whether their facts have changed since. suspended
-- repeats that there is a row in suspensions, and unknown_as_of, which is 0 otherwise, that there is one in set_aside, so that a
-- check looks at one row.
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

-- Users whose access somebody suspended. They need not be holders, nor exist.
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

-- Why who holds what. rule_id is empty for what a hand gave.
CREATE TABLE sources (
    organization_id text    COLLATE "C" NOT NULL,
    user_id         text    COLLATE "C" NOT NULL,
    tenant_id       text    COLLATE "C" NOT NULL,
    role_id         text    COLLATE "C" NOT NULL,
    kind            integer NOT NULL,
    rule_id         text    COLLATE "C" NOT NULL,
    granted_by      text    NOT NULL,
    create_time     bigint  NOT NULL,
    retained            boolean NOT NULL,
    PRIMARY KEY (organization_id, user_id, tenant_id, role_id, kind, rule_id)
);

CREATE INDEX sources_by_tenant ON sources (organization_id, tenant_id, user_id, role_id);
CREATE INDEX sources_by_role ON sources (organization_id, role_id, user_id, tenant_id);
CREATE INDEX sources_retained ON sources (organization_id, user_id) WHERE retained;

-- The access feed. transaction is of who wrote the record: it can be read once no older transaction is open, because then
-- none can come before it.
CREATE TABLE access_feed (
    organization_id text    COLLATE "C" NOT NULL,
    transaction     bigint  NOT NULL,
    sequence        bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id         text    NOT NULL,
    tenant_id       text    NOT NULL,
    role_id         text    NOT NULL,
    kind            integer NOT NULL,
    message_id      text    NOT NULL,
    sync_id         text    NOT NULL,
    traceparent     text    NOT NULL,
    time            bigint  NOT NULL,
    PRIMARY KEY (organization_id, transaction, sequence)
);

-- The oldest of all organizations are trimmed first.
CREATE INDEX access_feed_by_age ON access_feed (transaction, sequence);

-- The newest record of each organization that was trimmed. It is apart from organizations, so that trimming and working on
-- an organization do not wait for each other.
CREATE TABLE access_feed_trimmed (
    organization_id text   COLLATE "C" NOT NULL PRIMARY KEY,
    transaction     bigint NOT NULL,
    sequence        bigint NOT NULL
);

-- Groups whose members have still to be reconciled. Causes are counted: id is the one for which the row was made, root the oldest one
-- that it is for, newest the newest one, and started, 0 before, the newest of all when it was begun. Rows that are done stay while any
-- is not: they say for which causes a group need not be done again.
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

-- Users who must be settled.
CREATE TABLE requeued (
    organization_id text COLLATE "C" NOT NULL,
    user_id         text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);

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
    started_by      text    NOT NULL,
    traceparent     text    NOT NULL,
    create_time     bigint  NOT NULL,
    update_time     bigint  NOT NULL,
    end_time        bigint  NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE UNIQUE INDEX syncs_running ON syncs (organization_id) WHERE state = 1;

-- Reports that the failedevents service has not taken yet.
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

-- Calls that created something, so that a repetition creates nothing: for a day. organization_id is '' for what belongs to none.
CREATE TABLE requests (
    organization_id text   COLLATE "C" NOT NULL,
    principal       text   COLLATE "C" NOT NULL,
    request_type    text   COLLATE "C" NOT NULL, -- each RPC has its own
    id              text   COLLATE "C" NOT NULL,
    digest          bytea  NOT NULL,
    resource_id     text   NOT NULL, -- of what was created
    create_time     bigint NOT NULL,
    PRIMARY KEY (organization_id, principal, request_type, id)
);
CREATE INDEX requests_create_time ON requests (organization_id, create_time);
