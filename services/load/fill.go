package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A million users by POST would take the better part of an hour. So one user and one group are posted to a template
// database, and what identity's store wrote for them is copied with other names, in SQL. Nothing of the fill is in the
// change feed: each copy is a database of its own, which a store that opens it notices, and then it counts anew.

const (
	// seed is the name in everything about the user that is copied.
	seed          = "seed-0"
	seedGroup     = "seed group"
	identitySpace = "usher_identity"
)

// filledID is the id of a user that was filled in: a UUIDv7 from before all others.
func filledID(n int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012x", n) }

func filledGroupID(n int) string { return fmt.Sprintf("01900000-0000-7000-9000-%012x", n) }

// fillUsers copies the seed $1 to users of the numbers 0 to $2 - 1.
var fillUsers = []string{
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
}

// fillGroup copies the group that is named $1 to one of the id $2, with the users from $3 to $4 - 1.
const (
	fillGroup = `INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
			create_time, update_time)
		SELECT organization_id, $2, directory_id, $2, $2, external_id, version, convert_to(replace(convert_from(document, 'UTF8'), $1, $2), 'UTF8'),
			create_time, update_time
		FROM groups WHERE display_name = $1`
	fillMembers = `INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
		SELECT $1, $2, '01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), false, false FROM generate_series($3::integer, $4::integer - 1) n`
)

const templateDatabase = "usher_load_template"

// makeTemplate makes the database that others are copied from: migrated, with a directory, its key, and the seeds.
func (s *stage) makeTemplate(ctx context.Context) (err error) {
	if err := s.server.create(ctx, templateDatabase, "template1"); err != nil {
		return err
	}
	u, err := startUsher(ctx, s.options, s.room("template"), postgresSetup, s.server.address(templateDatabase))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.close()) }()
	if s.account, err = u.createDirectory(ctx); err != nil {
		return err
	}
	u.open(s.account)
	if _, err = u.post(ctx, 0, "/Users", userBody(seed)); err != nil {
		return err
	}
	_, err = u.post(ctx, 0, "/Groups", groupBody(seedGroup, nil))
	return err
}

// makeDatabase makes one with so many users, and the seed.
func (s *stage) makeDatabase(ctx context.Context, name string, users int) (err error) {
	if err := s.server.create(ctx, name, templateDatabase); err != nil {
		return err
	}
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
	for _, statement := range fillUsers {
		if _, err := conn.Exec(ctx, statement, seed, users); err != nil {
			return err
		}
	}
	for n, members := range groupsOf(users) {
		if _, err := conn.Exec(ctx, fillGroup, seedGroup, filledGroupID(n)); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, fillMembers, organization, filledGroupID(n), members.from, members.to); err != nil {
			return err
		}
	}
	// Otherwise autovacuum and a checkpoint would come while somebody is measured.
	for _, statement := range []string{`VACUUM (ANALYZE) users, search_values, groups, members`, `CHECKPOINT`} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// usherOn starts an Usher on a database of so many users.
func (s *stage) usherOn(ctx context.Context, setup, database string, users int) (*usher, error) {
	if err := s.makeDatabase(ctx, database, users); err != nil {
		return nil, fmt.Errorf("filling database %s: %w", database, err)
	}
	u, err := startUsher(ctx, s.options, s.room(database), setup, s.server.address(database))
	if err != nil {
		return nil, err
	}
	u.open(s.account)
	u.users, u.id, u.group = users, filledID, filledGroupID
	if err := u.checkTotal(ctx, users+1); err != nil { // with the seed
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}
