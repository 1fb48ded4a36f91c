package pgdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/doctor"
)

// poolerRounds is how often the two connections are compared. A pooler in transaction mode gives a connection of the server to whoever
// asks next, so one round is enough while nobody else uses it.
const poolerRounds = 5

// pooler finds a connection pooler between this process and the server: the server's process then is another one than the one that the
// connection was told. In transaction mode, two connections that are both open use the same process, or one uses several.
func (e *examination) pooler() error {
	conn, err := e.pool.Acquire(e.ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	first, err := backend(e.ctx, conn.Conn())
	if err != nil {
		return err
	}
	if first == conn.Conn().PgConn().PID() {
		e.say(doctor.OK, "database-pooler", "there is no connection pooler before the server", "", "")
		return nil
	}
	lost, err := lostSettings(e.ctx, conn.Conn())
	if err != nil {
		return err
	}
	shares, err := e.shares(conn.Conn(), first)
	switch {
	case err != nil:
		e.say(doctor.Warning, "database-pooler", "there is a connection pooler before the server, and its mode is not known: "+reason(err), "", doctor.PagePooler)
	case shares:
		e.say(doctor.Error, "database-pooler", "a connection pooler shares sessions between clients, such as PgBouncer in transaction mode: Usher hears no "+
			"notifications (LISTEN), and its settings of a session and its prepared statements do not stay. Connect to PostgreSQL itself, or use the session mode", "", doctor.PagePooler)
	case len(lost) > 0:
	default:
		e.say(doctor.OK, "database-pooler", "there is a connection pooler before the server, in session mode", "", "")
	}
	if len(lost) > 0 {
		e.say(doctor.Error, "database-pooler", "a connection pooler drops settings of Usher's sessions: "+strings.Join(lost, ", ")+
			". Without them, Usher finds no tables, or waits for ever. Connect to PostgreSQL itself", "", doctor.PagePooler)
	}
	return nil
}

// shares reports whether another client's connection can use the same process of the server.
func (e *examination) shares(one *pgx.Conn, first uint32) (shares bool, err error) {
	other, err := pgx.ConnectConfig(e.ctx, one.Config())
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), doctor.Within)
		defer cancel()
		err = errors.Join(err, other.Close(closing))
	}()
	for range poolerRounds {
		theirs, err := backend(e.ctx, other)
		if err != nil {
			return false, err
		}
		mine, err := backend(e.ctx, one)
		if err != nil {
			return false, err
		}
		if theirs == mine || mine != first {
			return true, nil
		}
	}
	return false, nil
}

// backend returns the id of the server's process behind a connection.
func backend(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
	return pid, err
}

// lostSettings lists the settings of the session that the server did not get.
func lostSettings(ctx context.Context, conn *pgx.Conn) (lost []string, err error) {
	for name, want := range conn.Config().RuntimeParams {
		if name == "default_transaction_read_only" || name == "application_name" {
			continue // of the doctor alone
		}
		var got string // the same number of milliseconds, and not 5s
		if err := conn.QueryRow(ctx, `SELECT coalesce((SELECT setting FROM pg_settings WHERE name = $1), '')`, name).Scan(&got); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if got != "" && !strings.EqualFold(got, want) {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	return lost, nil
}
