package pgdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/doctor"
)

// oldestVersion is the oldest version of PostgreSQL that the tests run on.
const oldestVersion = 15

// keptLog is how much of its log a server may keep for a slot that nobody uses.
const keptLog = 1 << 30

// examination is a look at a server or a schema. Its session cannot write.
type examination struct {
	ctx     context.Context //nolint:containedctx // of the look, which is one call
	pool    *pgxpool.Pool
	subject string
	report  *doctor.Report
	limits  limits
}

// limits are what an examination reports. They are fields for tests.
type limits struct {
	heldBack time.Duration // the age of a transaction that holds a feed back
	keptLog  int64         // bytes of the log that a server keeps for a slot that nobody uses
}

// ExamineServer looks at the server of a database. schemas are those that this process uses in it. mostSkew is the greatest difference
// between clocks with which all works well. It writes nothing.
func ExamineServer(ctx context.Context, url, subject string, schemas []Schema, mostSkew time.Duration, r *doctor.Report) {
	// Without a schema, the settings of the session are those of Usher nevertheless.
	e, err := examine(ctx, url, subject, schemas[0], r)
	if err != nil {
		r.Add(unreachable(subject, err))
		return
	}
	defer e.pool.Close()
	e.say(doctor.OK, "database-reachable", "it answers", "", "")
	steps := []step{
		{"database-version", e.version}, {"database-role", e.role}, {"database-durability", e.durability},
		{"database-pooler", e.pooler}, {"database-connections", e.connections},
		{"database-replication-slots", e.slots}, {"clock", func() error { return e.clock(mostSkew) }},
	}
	for _, schema := range schemas {
		if schema.ByTransaction {
			// Last, because it may wait.
			steps = append(steps, step{"feed-held-back", e.heldBack})
			break
		}
	}
	e.take(steps)
}

// ExamineSchema looks at a schema: at its version, at what the role may do, and at its epoch. migrates means that the start of the process
// migrates it. It writes nothing.
func ExamineSchema(ctx context.Context, url, subject string, schema Schema, migrates bool, r *doctor.Report) {
	e, err := examine(ctx, url, subject, schema, r)
	if err != nil {
		r.Add(doctor.Finding{Level: doctor.Skipped, Check: "database-schema", Subject: subject, Message: "no connection is possible: see the finding about the server"})
		return
	}
	defer e.pool.Close()
	e.take([]step{{"database-schema", func() error { return e.schema(schema, migrates) }}})
}

func examine(ctx context.Context, url, subject string, schema Schema, r *doctor.Report) (*examination, error) {
	config, err := configure(Server{URL: url, MaxConnections: 1}, schema, map[string]string{
		"application_name": "usher doctor", "default_transaction_read_only": "on",
		"statement_timeout": fmt.Sprint(doctor.Within.Milliseconds()),
	})
	if err != nil {
		return nil, err
	}
	// A prepared statement would stay in a session that a pooler gives to another client.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := dial(ctx, config)
	if err != nil {
		return nil, err
	}
	return &examination{ctx, pool, subject, r, limits{delayLog, keptLog}}, nil
}

// step is one check of an examination.
type step struct {
	check string
	do    func() error
}

// take takes the steps, one after the other. A question that the role may not ask is skipped.
func (e *examination) take(steps []step) {
	for _, s := range steps {
		err := s.do()
		switch {
		case err == nil:
		case codeOf(err) == codeNotPermitted:
			e.say(doctor.Skipped, s.check, "the role may not read what this check needs: "+reason(err), "", "")
		case pgconn.Timeout(err) || e.ctx.Err() != nil || codeOf(err) == codeQueryCanceled:
			e.say(doctor.Error, s.check, "the server accepts connections, but did not answer in time", "", doctor.PageDatabase)
		default:
			e.say(doctor.Skipped, s.check, "the question failed: "+reason(err), "", "")
		}
	}
}

func (e *examination) say(level doctor.Level, check, message, command, page string) {
	e.report.Add(doctor.Finding{Level: level, Check: check, Subject: e.subject, Message: message, Command: command, Page: page})
}

// codeOf returns the SQLSTATE of an error, or empty.
func codeOf(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// reason returns the text of an error on one line: pgx writes the addresses that it tried on separate lines.
func reason(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// More SQLSTATE codes.
const (
	codeProtocolViolation = "08P01"
	codeNoSuchDatabase    = "3D000"
	codeWrongPassword     = "28P01"
	codeMayNotConnect     = "28000"
)

// unreachable is the finding about a database that cannot be used, with its cause.
func unreachable(subject string, err error) doctor.Finding {
	f := doctor.Finding{Level: doctor.Error, Check: "database-reachable", Subject: subject, Page: doctor.PageDatabase}
	cause := "no connection is possible: is the server running, is the address right, and does the network let this machine through?"
	switch code := codeOf(err); {
	case code == codeProtocolViolation && strings.Contains(err.Error(), "startup parameter"):
		f.Check, f.Page = "database-pooler", doctor.PagePooler
		cause = "a connection pooler such as PgBouncer refuses the settings of Usher's sessions: connect to PostgreSQL itself"
	case code == codeTooManyConnection:
		cause = "all connections of the server are in use: see max_connections and pg_stat_activity"
	case code == codeNoSuchDatabase:
		cause = "there is no database of this name"
	case code == codeWrongPassword, code == codeMayNotConnect:
		cause = "the server refuses the role or its password: see pg_hba.conf"
	case code == codeNotPermitted:
		cause = "the role lacks the right CONNECT"
	case code == codeCannotConnectNow:
		cause = "the server is starting, stopping or recovering"
	case pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded):
		cause = "there is no answer in time: a server that hangs, or a network that drops packets"
	}
	f.Message = cause + " (" + reason(err) + ")"
	return f
}

func (e *examination) version() error {
	type about struct {
		number  int
		text    string
		standby bool
	}
	all, err := ReadAll(e.ctx, e.pool, func(a *about) []any { return []any{&a.number, &a.text, &a.standby} },
		`SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery()`)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.standby {
			e.say(doctor.Error, "database-standby", "the server is a standby, which accepts no writes: use the address of the primary, or add target_session_attrs=read-write to an address with several hosts", "", doctor.PageDatabase)
		}
		if a.number/10000 < oldestVersion {
			e.say(doctor.Warning, "database-version", fmt.Sprintf("PostgreSQL %s is older than %d, the oldest version that Usher is tested with", a.text, oldestVersion), "", doctor.PageDatabase)
			continue
		}
		e.say(doctor.OK, "database-version", "PostgreSQL "+a.text, "", "")
	}
	return nil
}

func (e *examination) role() error {
	super, err := ReadAll(e.ctx, e.pool, dbtype.Value[bool], `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`)
	if err != nil {
		return err
	}
	if len(super) == 1 && super[0] {
		e.say(doctor.Warning, "database-role", "the role is a superuser: a fault in Usher could change other databases of the server. Give it a role of its own", "", doctor.PagePrivileges)
		return nil
	}
	e.say(doctor.OK, "database-role", "the role is not a superuser", "", "")
	return nil
}

func (e *examination) durability() error {
	unsafe, err := unsafeSettings(e.ctx, e.pool)
	if err != nil {
		return err
	}
	for _, name := range unsafe {
		e.say(doctor.Error, "database-durability", name+" is off: a crash of the server loses writes that Usher has acknowledged",
			fmt.Sprintf(`psql -c "ALTER SYSTEM SET %s = on" -c "SELECT pg_reload_conf()"`, name), doctor.PageDurability)
	}
	if len(unsafe) == 0 {
		e.say(doctor.OK, "database-durability", "a commit is on disk before it is acknowledged", "", "")
	}
	return nil
}

// connections compares the open connections with the limits of the server, of the database and of the role.
func (e *examination) connections() error {
	type limit struct {
		name       string
		used, most int
	}
	limits, err := ReadAll(e.ctx, e.pool, func(l *limit) []any { return []any{&l.name, &l.used, &l.most} }, `
		SELECT 'max_connections of the server', (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database)::int,
			current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
				- coalesce(current_setting('reserved_connections', true)::int, 0)
		UNION ALL SELECT 'the connection limit of the database', coalesce(numbackends, 0)::int, datconnlimit
			FROM pg_database LEFT JOIN pg_stat_database s ON s.datid = pg_database.oid WHERE pg_database.datname = current_database()
		UNION ALL SELECT 'the connection limit of the role', (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)::int, rolconnlimit
			FROM pg_roles WHERE rolname = current_user`)
	if err != nil {
		return err
	}
	for _, l := range limits {
		if l.most < 0 {
			continue // there is none
		}
		level, page := doctor.OK, ""
		// A process opens the connections that it needs, and so many replicas have as many pools.
		if l.used*100 >= l.most*95 {
			level, page = doctor.Error, doctor.PageDatabase
		} else if l.used*100 >= l.most*80 {
			level, page = doctor.Warning, doctor.PageDatabase
		}
		e.say(level, "database-connections", fmt.Sprintf("%d of %d connections are in use (%s)", l.used, max(l.most, 0), l.name), "", page)
	}
	return nil
}

// slots looks for replication slots that nobody uses: for them, the server keeps old rows and its log, until its disk is full.
func (e *examination) slots() error {
	type slot struct {
		name  string
		kept  int64
		xmins bool
	}
	idle, err := ReadAll(e.ctx, e.pool, func(s *slot) []any { return []any{&s.name, &s.kept, &s.xmins} }, `
		SELECT slot_name::text, CASE WHEN pg_is_in_recovery() THEN 0 ELSE coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint END,
			xmin IS NOT NULL OR catalog_xmin IS NOT NULL
		FROM pg_replication_slots WHERE NOT active ORDER BY 1 LIMIT 20`)
	if err != nil {
		return err
	}
	found := false
	for _, s := range idle {
		if !s.xmins && s.kept < e.limits.keptLog {
			continue
		}
		found = true
		e.say(doctor.Warning, "database-replication-slots", fmt.Sprintf("nobody uses the replication slot %q, and the server keeps old rows and %s of its log for it: the disk fills",
			s.name, doctor.Bytes(s.kept)), "psql -c "+doctor.Quote("SELECT pg_drop_replication_slot("+literal(s.name)+")"), doctor.PageDatabase)
	}
	if !found {
		e.say(doctor.OK, "database-replication-slots", "no unused slot holds anything back", "", "")
	}
	return nil
}

// literal quotes a text for SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (e *examination) clock(most time.Duration) error {
	var theirs time.Time
	before := time.Now()
	err := e.pool.QueryRow(e.ctx, `SELECT clock_timestamp()`).Scan(&theirs)
	if err != nil {
		return err
	}
	e.report.Add(doctor.Clock(e.subject, theirs, before, time.Now(), most))
	return nil
}

// identifier quotes a name for SQL where that is necessary.
func identifier(name string) string {
	for _, c := range name {
		if (c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9') {
			return pgx.Identifier{name}.Sanitize()
		}
	}
	return name
}
