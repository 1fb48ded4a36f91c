package testkit

import (
	"context"
	"errors"
	"fmt"
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
	templates sync.Map // name to *template
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

// template is a migrated database that others are copied from.
type template struct {
	once sync.Once
	err  error
}

// Postgres gives the URL of a new database for this test, a copy of one that migrate has made. name tells templates apart;
// migrate gets the template's URL and must close its connections.
func Postgres(t testing.TB, name string, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	return fast.database(t, name, migrate)
}

// DurablePostgres is Postgres on a server that has a commit on disk before it answers: for benchmarks, and for tests that
// kill it.
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
	conn, err := pgx.Connect(ctx, address(folder, "postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
