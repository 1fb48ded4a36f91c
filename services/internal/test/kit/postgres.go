package kit

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

var (
	fast      = &cluster{arguments: []string{temporary()}}
	durable   = &cluster{arguments: []string{temporary(), "durable"}}
	databases counter
)

// cluster is one PostgreSQL server.
type cluster struct {
	server
	arguments []string
	templates sync.Map // from name to *template
}

// counter numbers databases within this binary.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

// template is a migrated database to copy.
type template struct {
	once sync.Once
	err  error
}

// Postgres returns the URL of a new database for this test, which is a copy of one that migrate has migrated. name identifies the template.
// migrate gets the template's URL, and must close its connections.
func Postgres(t testing.TB, name string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	return fast.database(t, name, migrate)
}

// DurablePostgres is Postgres on a server that has a commit on disk before it answers. It is for benchmarks, and for tests that kill it.
func DurablePostgres(t testing.TB, name string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	return durable.database(t, name, migrate)
}

func (c *cluster) database(t testing.TB, name string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	folder, err := c.start(postgresScript, c.arguments...)
	need(t, "PostgreSQL", err)
	ctx := context.Background()
	made, _ := c.templates.LoadOrStore(name, &template{})
	tmpl := made.(*template)
	tmpl.once.Do(func() {
		if tmpl.err = execute(ctx, folder, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); tmpl.err == nil {
			tmpl.err = migrate(ctx, address(folder, name))
		}
	})
	need(t, "a migrated PostgreSQL database", tmpl.err)
	database := fmt.Sprintf("%s_%d", name, databases.next())
	need(t, "a PostgreSQL database", execute(ctx, folder, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s",
		pgx.Identifier{database}.Sanitize(), pgx.Identifier{name}.Sanitize())))
	t.Cleanup(func() {
		if err := execute(ctx, folder, "DROP DATABASE "+pgx.Identifier{database}.Sanitize()+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return address(folder, database)
}

func address(folder, database string) string {
	return fmt.Sprintf("postgres://usher@/%s?host=%s", database, strings.ReplaceAll(folder, " ", "%20"))
}

// execute runs one statement on the server's own database.
func execute(ctx context.Context, folder, statement string) error {
	return executeIn(ctx, folder, "postgres", statement)
}

func executeIn(ctx context.Context, folder, database, statement string) error {
	conn, err := pgx.Connect(ctx, address(folder, database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// PostgresServer is a PostgreSQL server of one test. Its settings keep committed data when it is killed.
type PostgresServer struct{ own }

// StartPostgres starts a server that ends with the test.
func StartPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	return &PostgresServer{start(t, "PostgreSQL", postgresScript, temporary(), "durable")}
}

// Database creates an empty database, whose owner is a role of the same name without superuser rights, and returns its URL.
func (s *PostgresServer) Database(name string) string {
	s.t.Helper()
	role := pgx.Identifier{name}.Sanitize()
	s.Execute("CREATE ROLE " + role + " LOGIN")
	s.Execute("CREATE DATABASE " + role + " OWNER " + role)
	return fmt.Sprintf("postgres://%s@/%s?host=%s", name, name, s.address)
}

// Execute runs one statement as a superuser.
func (s *PostgresServer) Execute(statement string) {
	s.t.Helper()
	if err := execute(context.Background(), s.address, statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// ExecuteIn runs one statement in a database as a superuser.
func (s *PostgresServer) ExecuteIn(database, statement string) {
	s.t.Helper()
	if err := executeIn(context.Background(), s.address, database, statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// Restart kills the server and starts it again, with the committed data.
func (s *PostgresServer) Restart() {
	s.t.Helper()
	s.order("kill")
	s.order("start")
}

// Dump writes a database to a file, as the backup of an operator does.
func (s *PostgresServer) Dump(name, file string) {
	s.t.Helper()
	s.run("pg_dump", "--dbname="+name, "--file="+file)
}

// Restore fills an empty database of this server from a Dump.
func (s *PostgresServer) Restore(name, file string) {
	s.t.Helper()
	s.run("psql", "--dbname="+name, "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file="+file)
}

func (s *PostgresServer) run(command string, args ...string) {
	s.t.Helper()
	args = append([]string{"--host=" + s.address, "--username=usher"}, args...)
	if out, err := exec.CommandContext(s.t.Context(), command, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
