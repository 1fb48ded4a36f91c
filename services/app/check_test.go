package app

import (
	"context"
	"fmt"
	"github.com/usher-scim/usher/services/internal/secret"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

// migrated creates the tables of every service.
func migrated(ctx context.Context, url string) error {
	s := Defaults()
	s.DatabaseURL = secret.Text(url)
	return Migrate(ctx, s)
}

func unmigrated(context.Context, string) error { return nil }

// execute runs a statement on a database.
func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestUnusableDatabasesAndRedisAreReported(t *testing.T) {
	t.Parallel()
	const nowhere = "postgres://usher:hunter2@127.0.0.1:1/usher"
	whole, empty := kit.Postgres(t, "app", migrated), kit.Postgres(t, "app-empty", unmigrated)
	newer := kit.Postgres(t, "app", migrated)
	execute(t, newer, `UPDATE usher_rule.meta SET least_migration = 9999`)
	redis := kit.Redis(t)
	for name, c := range map[string]struct {
		change func(*Settings)
		want   []string // how the problems begin, in order
	}{
		"all can be used":                 {func(s *Settings) { s.DatabaseURL, s.RedisURL = secret.Text(whole), secret.Text(redis) }, nil},
		"SQLite":                          {func(*Settings) {}, nil},
		"a database that is not there":    {func(s *Settings) { s.DatabaseURL, s.Rule.DatabaseURL = secret.Text(whole), nowhere }, []string{"rule.database_url: UNAVAILABLE: the database cannot be reached: "}},
		"one of another process":          {func(s *Settings) { s.Target, s.Rule.DatabaseURL = []string{"identity"}, nowhere }, nil},
		"a Redis that is not there":       {func(s *Settings) { s.RedisURL = "redis://:hunter2@127.0.0.1:1" }, []string{"redis_url: dial tcp 127.0.0.1:1: "}},
		"a Redis of other processes":      {func(s *Settings) { s.Target, s.RedisURL = []string{"rule"}, "redis://127.0.0.1:1" }, nil},
		"addresses that are none":         {func(s *Settings) { s.DatabaseURL, s.RedisURL = "hunter2", "hunter2" }, nil}, // Check reports these
		"an empty database":               {func(s *Settings) { s.Identity.DatabaseURL = secret.Text(empty) }, []string{"identity.database_url: schema usher_identity is at migration 0 and this binary needs "}},
		"an empty one, which is migrated": {func(s *Settings) { s.Identity.DatabaseURL, s.Migrate = secret.Text(empty), true }, nil},
		"a newer database":                {func(s *Settings) { s.DatabaseURL, s.Migrate = secret.Text(newer), true }, []string{"database_url: schema usher_rule needs a newer usher: one that knows migration 9999"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Defaults()
			c.change(&s)
			got := strings.Split(fmt.Sprint(s.CheckConnections(t.Context()).Err()), "\n")
			if c.want == nil {
				c.want = []string{"<nil>"}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) || strings.Contains(got[i], "hunter2") {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}
