package pgdb

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// shelves is library, with the table that a new epoch empties.
func shelves(more ...string) Schema {
	s := library(more...)
	s.Truncates = []string{"feed"}
	return s
}

// patient is a doctor's context.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// examined looks at the server and at the schema.
func examined(t *testing.T, url string, schema Schema, migrates bool) []doctor.Finding {
	t.Helper()
	r := &doctor.Report{}
	ExamineServer(patient(t), url, "database", []Schema{schema}, 4*time.Second, r)
	ExamineSchema(patient(t), url, "library database", schema, migrates, r)
	return r.Findings()
}

func TestAnExaminationFindsWhatIsWrongAndNotWhatIsMended(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	if err := Migrate(t.Context(), url, shelves()); err != nil {
		t.Fatal(err)
	}
	open := func() {
		db, err := Open(t.Context(), Server{URL: url}, shelves())
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	open() // so that the epoch knows the database
	doctortest.Finds(t, examined(t, url, shelves(), false))
	for _, c := range []struct {
		name, fault, mend string
		want              [][]string
	}{
		{"no right to insert", `REVOKE INSERT, TRUNCATE ON library.feed FROM app`, `GRANT ALL ON library.feed TO app`, [][]string{
			{"error | database-privileges | library database", `the role "app" lacks INSERT, TRUNCATE on table library.feed`, `psql -c 'GRANT INSERT, TRUNCATE ON TABLE library.feed TO app'`, doctor.PagePrivileges},
		}},
		{"no right to read the version", `REVOKE SELECT ON library.goose_db_version FROM app`, `GRANT ALL ON library.goose_db_version TO app`, [][]string{
			{"database-privileges", `GRANT SELECT ON TABLE library.goose_db_version TO app`},
		}},
		{"no right to use the schema", `REVOKE USAGE ON SCHEMA library FROM app`, `GRANT ALL ON SCHEMA library TO app`, [][]string{
			{"database-privileges", `GRANT USAGE ON SCHEMA library TO app`},
		}},
		{"no right to call a function", `CREATE FUNCTION library.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION library.f FROM PUBLIC`, `DROP FUNCTION library.f`, [][]string{
			{"database-privileges", `GRANT EXECUTE ON FUNCTION library.f TO app`},
		}},
		{"no right to notice a restore", `REVOKE EXECUTE ON FUNCTION pg_control_system FROM PUBLIC`, `GRANT EXECUTE ON FUNCTION pg_control_system TO PUBLIC`, [][]string{
			{"database-privileges", `GRANT EXECUTE ON FUNCTION pg_control_system TO PUBLIC`},
		}},
		{"a superuser", `ALTER ROLE app SUPERUSER`, `ALTER ROLE app NOSUPERUSER`, [][]string{{"warning | database-role", "superuser"}}},
		{"commits that are not durable", `ALTER ROLE app SET synchronous_commit = off`, `ALTER ROLE app RESET synchronous_commit`, [][]string{
			{"error | database-durability", "synchronous_commit is off", "ALTER SYSTEM SET synchronous_commit = on"},
		}},
		{"no free connections", `ALTER ROLE app CONNECTION LIMIT 1`, `ALTER ROLE app CONNECTION LIMIT -1`, [][]string{
			{"error | database-connections", "1 of 1 connections are in use (the connection limit of the role)"},
		}},
		{"another database than before", `UPDATE library.meta SET database = 'other'`, ``, [][]string{{"warning | database-epoch", "a new epoch"}}},
		{"a newer schema", `UPDATE library.meta SET least_migration = 99`, `UPDATE library.meta SET least_migration = 1`, [][]string{
			{"error | database-schema", "one that knows migration 99"},
		}},
	} {
		server.ExecuteIn("app", c.fault)
		t.Run(c.name, func(t *testing.T) {
			found := examined(t, url, shelves(), false)
			if c.name == "no free connections" { // the server may free the one of the first look before the next look, or after
				found = slices.DeleteFunc(found, func(f doctor.Finding) bool { return f.Level == doctor.Skipped })
			}
			doctortest.Finds(t, found, c.want...)
		})
		if c.mend != "" {
			server.ExecuteIn("app", c.mend)
		}
		open()
		t.Run(c.name+", mended", func(t *testing.T) { doctortest.Finds(t, examined(t, url, shelves(), false)) })
	}
	doctortest.Finds(t, examined(t, url, shelves(`SELECT 1`), false), []string{"error | database-schema", "at migration 1, and this binary needs 2", "| usher migrate |"})
	doctortest.Finds(t, examined(t, url, shelves(`SELECT 1`), true))
	empty := server.Database("empty")
	doctortest.Finds(t, examined(t, empty, shelves(), false), []string{"error | database-schema", "the schema library is missing", "| usher migrate |"})
	doctortest.Finds(t, examined(t, empty, shelves(), true))
	server.Stop()
	doctortest.Finds(t, examined(t, url, shelves(), false), []string{"error | database-reachable", "no connection is possible", doctor.PageDatabase},
		[]string{"skipped | database-schema", "see the finding about the server"})
}

func TestManyMissingRightsAreOneFinding(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	var more []string
	for _, name := range strings.Split("abcdefghijk", "") {
		more = append(more, `CREATE TABLE "T `+name+`" (x int);`)
	}
	if err := Migrate(t.Context(), url, shelves(more...)); err != nil {
		t.Fatal(err)
	}
	server.ExecuteIn("app", `REVOKE ALL ON ALL TABLES IN SCHEMA library FROM app`)
	doctortest.Finds(t, examined(t, url, shelves(more...), false), []string{"14 tables of the schema library", "ON ALL TABLES IN SCHEMA library TO app"})
	server.ExecuteIn("app", `GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA library TO app`)
	doctortest.Finds(t, examined(t, url, shelves(more...), false))
}

func TestWhyADatabaseCannotBeUsed(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	server.Execute(`CREATE ROLE nologin`)
	for name, c := range map[string]struct{ url, want string }{
		"no such database": {strings.Replace(url, "/app?", "/none?", 1), "there is no database of this name"},
		"no such role":     {strings.Replace(url, "//app@", "//nologin@", 1), "refuses the role or its password"},
		"no server":        {"postgres://app:hunter2@127.0.0.1:1/app", "no connection is possible"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := examined(t, c.url, shelves(), false)
			doctortest.Finds(t, got, []string{"error | database-reachable | database", c.want}, []string{"skipped | database-schema"})
			if strings.Contains(strings.Join(doctortest.Bad(got), "\n"), "hunter2") {
				t.Errorf("the password is in %v", got)
			}
		})
	}
}

// The test's role may not read when the transactions of other roles began. So the doctor looks twice.
func TestATransactionThatHoldsTheFeedBackIsFound(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	if err := Migrate(t.Context(), url, shelves()); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(strings.Replace(url, "//app@", "//usher@", 1))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = "nightly report"
	other, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	look := func(role string, l limits) []doctor.Finding {
		t.Helper()
		r := &doctor.Report{}
		e, err := examine(patient(t), strings.Replace(url, "//app@", "//"+role+"@", 1), "database", shelves(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer e.pool.Close()
		e.limits = l
		e.take([]step{{"feed-held-back", e.heldBack}})
		return r.Findings()
	}
	usual := limits{delayLog, keptLog}
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 'secret query'`); err != nil {
		t.Fatal(err)
	}
	doctortest.Finds(t, look("app", usual)) // it has written nothing
	if _, err := tx.Exec(t.Context(), `SELECT pg_current_xact_id(), 'secret query'`); err != nil {
		t.Fatal(err)
	}
	doctortest.Finds(t, look("usher", usual)) // it is not old, and a superuser sees this
	want := []string{"warning | feed-held-back", `application "nightly report", role "usher", database "app"`, "pg_terminate_backend(", doctor.PageHeldBack}
	doctortest.Finds(t, look("usher", limits{}), append(want, "is open for "))
	got := look("app", usual)
	doctortest.Finds(t, got, append(want, "is open for more than 2s"))
	if strings.Contains(strings.Join(doctortest.Bad(got), ""), "secret query") {
		t.Error("a query is shown")
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	doctortest.Finds(t, look("app", usual))
	doctortest.Finds(t, look("usher", limits{}))
}

func TestAnUnusedReplicationSlotIsFound(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	look := func(kept int64) []doctor.Finding {
		r := &doctor.Report{}
		e, err := examine(patient(t), url, "database", shelves(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer e.pool.Close()
		e.limits.keptLog = kept
		e.take([]step{{"database-replication-slots", e.slots}})
		return r.Findings()
	}
	server.Execute(`SELECT pg_create_physical_replication_slot('leftover', true)`)
	doctortest.Finds(t, look(keptLog))
	doctortest.Finds(t, look(0), []string{"warning | database-replication-slots", `the replication slot "leftover"`, "pg_drop_replication_slot("})
	server.Execute(`SELECT pg_drop_replication_slot('leftover')`)
	doctortest.Finds(t, look(0))
}

func TestAServerThatHangsIsFoundInTime(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	url := server.Database("app")
	server.Freeze()
	defer server.Thaw()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r := &doctor.Report{}
	ExamineServer(ctx, url, "database", []Schema{shelves()}, 4*time.Second, r)
	doctortest.Finds(t, r.Findings(), []string{"error | database-reachable", "there is no answer in time"})
}
