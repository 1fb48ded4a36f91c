package kit

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	migrate := func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, "CREATE TABLE things (id int PRIMARY KEY)")
		return err
	}
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), Postgres(t, "things", migrate))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			if _, err := conn.Exec(t.Context(), "INSERT INTO things VALUES (1)"); err != nil {
				t.Errorf("the other test's row is here: %v", err)
			}
		})
	}
}

func TestRedisAnswers(t *testing.T) {
	t.Parallel()
	path := strings.TrimPrefix(Redis(t), "unix://")
	if answer, err := ping(t, "unix", path); answer != "+PONG\r\n" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestARedisServerFollowsCommands(t *testing.T) {
	t.Parallel()
	s := StartRedis(t)
	proxy := StartProxy(t, "unix", s.Path())
	answers := func(when string, want bool) {
		t.Helper()
		if answer, err := ping(t, "unix", s.Path()); (answer == "+PONG\r\n") != want {
			t.Errorf("%s: %q, %v", when, answer, err)
		}
	}
	answers("started", true)
	s.Freeze()
	answers("frozen", false)
	s.Thaw()
	answers("thawed", true)
	s.Stop()
	answers("stopped", false)
	s.Restart()
	answers("restarted", true)
	if answer, err := ping(t, "tcp", proxy.Addr()); answer != "+PONG\r\n" {
		t.Errorf("through the proxy: %q, %v", answer, err)
	}
	proxy.Cut()
	if answer, _ := ping(t, "tcp", proxy.Addr()); answer != "" {
		t.Errorf("through the cut proxy: %q", answer)
	}
	answers("cut off", true)
	proxy.Mend()
	if answer, err := ping(t, "tcp", proxy.Addr()); answer != "+PONG\r\n" {
		t.Errorf("through the mended proxy: %q, %v", answer, err)
	}
	s.Freeze() // it still ends with the test
}

// ping returns the answer of a server within a short time.
func ping(t *testing.T, network, address string) (string, error) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	answer := make([]byte, 7)
	n, err := conn.Read(answer)
	return string(answer[:n]), err
}

func TestAPostgresServerKeepsCommitsAndFollowsCommands(t *testing.T) {
	t.Parallel()
	server := StartPostgres(t)
	url := server.Database("kept")
	query := func(ctx context.Context, statement string) (n int, err error) {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return 0, err
		}
		defer func() { _ = conn.Close(context.Background()) }()
		return n, conn.QueryRow(ctx, statement).Scan(&n)
	}
	if _, err := query(t.Context(), "CREATE TABLE things AS SELECT 7 AS id"); !errors.Is(err, pgx.ErrNoRows) {
		t.Fatal(err)
	}
	expect := func() {
		t.Helper()
		if n, err := query(t.Context(), "SELECT id FROM things"); n != 7 || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	server.Restart()
	expect()
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := query(ctx, "SELECT id FROM things"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is frozen: %v", err)
	}
	server.Thaw()
	expect()
	file := filepath.Join(t.TempDir(), "dump.sql")
	server.Dump("kept", file)
	other := StartPostgres(t)
	url = other.Database("kept")
	other.Restore("kept", file)
	expect()
	server.Freeze() // it still ends
}
