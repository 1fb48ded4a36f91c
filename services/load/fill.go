package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver that fills files
)

// Creating a million users by POST would take most of an hour. So one user and one group are created by POST, and SQL copies the rows that
// identity's store wrote for them, with other names. The copies are not in the change feed. On PostgreSQL, each copy of the template is a
// new database, which the store notices when it opens it; then it counts anew.

const (
	// seed is the name of the user to copy, in all its values.
	seed          = "seed-0"
	seedGroup     = "seed group"
	identitySpace = "usher_identity"
)

// filledID returns the id of a copied user: a UUIDv7 from before all others.
func filledID(n int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012x", n) }

func filledGroupID(n int) string { return fmt.Sprintf("01900000-0000-7000-9000-%012x", n) }

// fill contains the statements that fill a database of one engine.
type fill struct {
	// users copy the seed, the first argument, to the users with the numbers from 0 to below the second argument.
	users []string
	// group copies the group named by the first argument to the id in the second argument.
	group string
	// members adds users to the group in the second argument, in the organization in the first one: those with the numbers from the third
	// to below the fourth argument.
	members string
	// tidy does work that would otherwise disturb a measurement, such as a checkpoint.
	tidy []string
}

var postgresFill = fill{
	users: []string{
		`INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name, active, version,
				document, create_time, update_time)
			SELECT organization_id, '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), directory_id, replace(user_name, $1, n::text),
				replace(user_name_folded, $1, n::text), replace(external_id, $1, n::text), replace(display_name, $1, n::text), active, version,
				convert_to(replace(convert_from(document, 'UTF8'), $1, n::text), 'UTF8'), create_time, update_time
			FROM users, generate_series(0, $2::integer - 1) n WHERE external_id = 'ext-' || $1`,
		`INSERT INTO search_values (organization_id, attribute, value, user_id)
			SELECT s.organization_id, s.attribute, replace(s.value, $1, n::text), '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0')
			FROM users u JOIN search_values s ON s.organization_id = u.organization_id AND s.user_id = u.id,
				generate_series(0, $2::integer - 1) n WHERE u.external_id = 'ext-' || $1
			ORDER BY 2, 3`,
	},
	group: `INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
				create_time, update_time)
			SELECT organization_id, $2, directory_id, $2, $2, external_id, version, convert_to(replace(convert_from(document, 'UTF8'), $1, $2), 'UTF8'),
				create_time, update_time
			FROM groups WHERE display_name = $1`,
	members: `INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
			SELECT $1, $2, '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), false, false FROM generate_series($3::integer, $4::integer - 1) n`,
	tidy: []string{`VACUUM (ANALYZE) users, search_values, groups, members`, `CHECKPOINT`},
}

var sqliteFill = fill{
	users: []string{
		`WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2 - 1)
			INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name, active, version,
				document, create_time, update_time)
			SELECT organization_id, printf('01900000-0000-7000-8000-%012x', n), directory_id, replace(user_name, ?1, n),
				replace(user_name_folded, ?1, n), replace(external_id, ?1, n), replace(display_name, ?1, n), active, version,
				CAST(replace(CAST(document AS TEXT), ?1, n) AS BLOB), create_time, update_time
			FROM users CROSS JOIN numbers WHERE external_id = 'ext-' || ?1`,
		`WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2 - 1)
			INSERT INTO search_values (organization_id, attribute, value, user_id)
			SELECT s.organization_id, s.attribute, replace(s.value, ?1, n), printf('01900000-0000-7000-8000-%012x', n)
			FROM users u JOIN search_values s ON s.organization_id = u.organization_id AND s.user_id = u.id
				CROSS JOIN numbers WHERE u.external_id = 'ext-' || ?1
			ORDER BY 2, 3`,
	},
	group: `INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
				create_time, update_time)
			SELECT organization_id, ?2, directory_id, ?2, ?2, external_id, version, CAST(replace(CAST(document AS TEXT), ?1, ?2) AS BLOB),
				create_time, update_time
			FROM groups WHERE display_name = ?1`,
	members: `WITH RECURSIVE numbers (n) AS (SELECT ?3 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?4 - 1)
			INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
			SELECT ?1, ?2, printf('01900000-0000-7000-8000-%012x', n), 0, 0 FROM numbers`,
}

// run fills a database with users and the groups of groupsOf.
func (f fill) run(execute func(statement string, args ...any) error, users int) error {
	for _, statement := range f.users {
		if err := execute(statement, seed, users); err != nil {
			return err
		}
	}
	for n, members := range groupsOf(users) {
		if err := execute(f.group, seedGroup, filledGroupID(n)); err != nil {
			return err
		}
		if err := execute(f.members, organization, filledGroupID(n), members.from, members.to); err != nil {
			return err
		}
	}
	for _, statement := range f.tidy {
		if err := execute(statement); err != nil {
			return err
		}
	}
	return nil
}

// plant creates a directory with the seeds, and opens it.
func (u *usher) plant(ctx context.Context) error {
	a, err := u.createDirectory(ctx)
	if err != nil {
		return err
	}
	u.open(a)
	if err := u.post(ctx, "/Users", userBody(seed)); err != nil {
		return err
	}
	return u.post(ctx, "/Groups", groupBody)
}

const templateDatabase = "usher_load_template"

// makeTemplate creates the database that others are copied from: migrated, with a directory, its key, and the seeds.
func (s *stage) makeTemplate(ctx context.Context) (err error) {
	if err := s.server.create(ctx, templateDatabase, "template1"); err != nil {
		return err
	}
	u, err := startUsher(ctx, s.options, s.room("template"), postgresSetup, s.server.address(templateDatabase))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.close()) }()
	err = u.plant(ctx)
	s.account = u.account
	return err
}

// makeDatabase creates a database with a number of users, and the seed.
func (s *stage) makeDatabase(ctx context.Context, name string, users int) error {
	if err := s.server.create(ctx, name, templateDatabase); err != nil {
		return err
	}
	return s.fillDatabase(ctx, name, postgresFill, users)
}

// fillDatabase fills a copy of the template.
func (s *stage) fillDatabase(ctx context.Context, name string, with fill, users int) (err error) {
	settings, err := pgx.ParseConfig(s.server.address(name))
	if err != nil {
		return err
	}
	settings.RuntimeParams["search_path"] = identitySpace
	conn, err := pgx.ConnectConfig(ctx, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	return with.run(func(statement string, args ...any) error {
		_, err := conn.Exec(ctx, statement, args...)
		return err
	}, users)
}

// makeFiles creates the files of an Usher on SQLite with a number of users, and the seed.
func (s *stage) makeFiles(ctx context.Context, setup, name string, users int) (a account, err error) {
	u, err := startUsher(ctx, s.options, s.room(name), setup, "")
	if err != nil {
		return a, err
	}
	if err := errors.Join(u.plant(ctx), u.close()); err != nil {
		return a, err
	}
	// Data that a crash of this process would lose is of no use, so nothing is synced.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(u.data, "identity.db")+
		"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-500000)")
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	return u.account, sqliteFill.run(func(statement string, args ...any) error {
		_, err := db.ExecContext(ctx, statement, args...)
		return err
	}, users)
}

// usherOn starts an Usher on a database, or on files, that it fills with a number of users.
func (s *stage) usherOn(ctx context.Context, setup, name string, users int) (*usher, error) {
	a, err := s.account, error(nil)
	if setup == sqliteSetup {
		a, err = s.makeFiles(ctx, setup, name, users)
	} else {
		err = s.makeDatabase(ctx, name, users)
	}
	if err != nil {
		return nil, fmt.Errorf("filling %s: %w", name, err)
	}
	u, err := s.usherAt(ctx, setup, name, a, users)
	if err != nil {
		return nil, err
	}
	if err := u.checkFill(ctx); err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

// usherAt starts an Usher on the data that usherOn has filled.
func (s *stage) usherAt(ctx context.Context, setup, name string, a account, users int) (*usher, error) {
	address := ""
	if setup != sqliteSetup {
		address = s.server.address(name)
	}
	u, err := startUsher(ctx, s.options, s.room(name), setup, address)
	if err != nil {
		return nil, err
	}
	u.open(a)
	u.users = users
	return u, nil
}

// checkFill compares the stored data with the filled data.
func (u *usher) checkFill(ctx context.Context) error {
	last := u.users - 1
	for query, want := range map[string]int{
		"count=0":                   u.users + 1, // with the seed
		filterOf(filterUsers, last): 1, filterOf(filterEmails, last): 1, filterOf(filterWorkEmails, last): 1,
	} {
		body, err := u.send(ctx, 0, http.MethodGet, "/Users?"+query, "", http.StatusOK, true)
		if err != nil {
			return err
		}
		var list struct {
			TotalResults int `json:"totalResults"`
		}
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		if list.TotalResults != want {
			return fmt.Errorf("%s: a list with %s has %d users, not %d", u.who, query, list.TotalResults, want)
		}
	}
	return nil
}
