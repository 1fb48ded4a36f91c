package pgdb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/migration"
)

// mostTables is the number of tables with missing rights that are reported one by one.
const mostTables = 10

// schema looks at the rights first: without them, the schema would seem to be missing.
func (e *examination) schema(schema Schema, migrates bool) error {
	type about struct{ exists, usable, extendable, found bool }
	all, err := ReadAll(e.ctx, e.pool, func(a *about) []any { return []any{&a.exists, &a.usable, &a.extendable, &a.found} }, `
		SELECT n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'USAGE'), false), coalesce(has_schema_privilege(n.oid, 'CREATE'), false),
			current_setting('search_path') = s.name
		FROM (VALUES ($1)) s(name) LEFT JOIN pg_namespace n ON n.nspname = s.name`, schema.Name)
	if err != nil {
		return err
	}
	switch a := all[0]; {
	case !a.exists && migrates:
		e.say(doctor.OK, "database-schema", "the schema "+schema.Name+" is missing, and the start of the process creates it", "", "")
		return nil
	case !a.exists:
		e.say(doctor.Error, "database-schema", "the schema "+schema.Name+" is missing", "usher migrate", doctor.PageDatabase)
		return nil
	case !a.usable:
		return e.grant("USAGE", "the schema "+schema.Name, "SCHEMA "+identifier(schema.Name))
	case !a.found:
		e.say(doctor.Skipped, "database-schema", "the session does not have the search_path that it asked for: see database-pooler", "", "")
		return nil
	case migrates && !a.extendable:
		if err := e.grant("CREATE", "the schema "+schema.Name, "SCHEMA "+identifier(schema.Name)); err != nil {
			return err
		}
	}
	readable, err := e.privileges(schema)
	if err != nil || !readable {
		return err
	}
	fit, err := e.migrations(schema, migrates)
	if err != nil || !fit || schema.NewEpoch == nil {
		return err
	}
	return e.epoch()
}

// right is a missing right.
type right struct{ object, privilege string }

// missingRights lists what the role may not do although the service does it: with tables, with sequences other than those of identity
// columns and of goose, and with functions. $2 are the tables that a new epoch empties. PostgreSQL may look at conditions in any order, and
// asks has_sequence_privilege only about sequences because of CASE.
const missingRights = `
	SELECT 'TABLE ' || c.relname, p.privilege FROM pg_class c
	CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (privilege)
	WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, p.privilege)
		AND (c.relname <> 'goose_db_version' OR p.privilege = 'SELECT') AND (p.privilege <> 'TRUNCATE' OR c.relname = ANY ($2::text[]))
	UNION ALL SELECT 'SEQUENCE ' || c.relname, 'USAGE' FROM pg_class c
	WHERE c.relnamespace = $1::text::regnamespace AND c.relname NOT LIKE 'goose\_%'
		AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END
		AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')
	UNION ALL SELECT 'FUNCTION ' || p.proname, 'EXECUTE' FROM pg_proc p
	WHERE p.pronamespace = $1::text::regnamespace AND NOT has_function_privilege(p.oid, 'EXECUTE')
	ORDER BY 1, 2 LIMIT 2000`

// privileges reports the missing rights, and whether the schema's version can be read.
func (e *examination) privileges(schema Schema) (readable bool, err error) {
	missing, err := ReadAll(e.ctx, e.pool, func(r *right) []any { return []any{&r.object, &r.privilege} }, missingRights, schema.Name, schema.Truncates)
	if err != nil {
		return false, err
	}
	var objects []string
	by := map[string][]string{}
	for _, m := range missing {
		if by[m.object] == nil {
			objects = append(objects, m.object)
		}
		by[m.object] = append(by[m.object], m.privilege)
	}
	if len(objects) > mostTables {
		err = e.grant("SELECT, INSERT, UPDATE, DELETE, TRUNCATE", fmt.Sprintf("%d tables of the schema %s", len(objects), schema.Name),
			"ALL TABLES IN SCHEMA "+identifier(schema.Name))
	} else {
		for _, object := range objects {
			kind, name, _ := strings.Cut(object, " ")
			qualified := identifier(schema.Name) + "." + identifier(name)
			if err = e.grant(strings.Join(by[object], ", "), strings.ToLower(kind)+" "+qualified, kind+" "+qualified); err != nil {
				break
			}
		}
	}
	if len(objects) == 0 {
		e.say(doctor.OK, "database-privileges", "the role may do what the service does", "", "")
	}
	return !slices.Contains(by["TABLE meta"], "SELECT") && !slices.Contains(by["TABLE goose_db_version"], "SELECT"), err
}

// grant reports missing rights, with the command that gives them.
func (e *examination) grant(privileges, object, on string) error {
	roles, err := ReadAll(e.ctx, e.pool, dbtype.Value[string], `SELECT current_user::text`)
	if err != nil {
		return err
	}
	e.say(doctor.Error, "database-privileges", fmt.Sprintf("the role %q lacks %s on %s: the service's statements fail", roles[0], privileges, object),
		"psql -c "+doctor.Quote(fmt.Sprintf("GRANT %s ON %s TO %s", privileges, on, identifier(roles[0]))), doctor.PagePrivileges)
	return nil
}

// migrations compares the schema with this binary, and reports whether they fit.
func (e *examination) migrations(schema Schema, migrates bool) (fit bool, err error) {
	newest, err := migration.Newest(schema.Migrations)
	if err != nil {
		return false, err
	}
	at, least, err := versions(e.ctx, e.pool)
	if err != nil {
		return false, err
	}
	newer := migration.Fits("schema "+schema.Name, least, newest)
	state := fmt.Sprintf("the schema %s is at migration %d, and this binary needs %d", schema.Name, at, newest)
	switch {
	case newer != nil:
		e.say(doctor.Error, "database-schema", newer.Error()+": start the newer version of Usher", "", doctor.PageDatabase)
	case at < newest && migrates:
		e.say(doctor.OK, "database-schema", state+": the start of the process migrates it", "", "")
	case at < newest:
		e.say(doctor.Error, "database-schema", state, "usher migrate", doctor.PageDatabase)
	default:
		e.say(doctor.OK, "database-schema", state, "", "")
		return true, nil
	}
	return false, nil
}

// epoch compares the database with the one in which the epoch of its feed began.
func (e *examination) epoch() error {
	conn, err := e.pool.Acquire(e.ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	at, err := whereAmI(e.ctx, conn.Conn())
	if codeOf(err) == codeNotPermitted {
		e.say(doctor.Error, "database-privileges", "the role may not call pg_control_system: Usher cannot open the database, because it could not notice a restore",
			`psql -c "GRANT EXECUTE ON FUNCTION pg_control_system TO PUBLIC"`, doctor.PagePrivileges)
		return nil
	}
	if err != nil {
		return err
	}
	var database string
	if err := conn.QueryRow(e.ctx, `SELECT database FROM meta`).Scan(&database); err != nil {
		return err
	}
	switch database {
	case at:
		e.say(doctor.OK, "database-epoch", "the database is the one in which the epoch of its feed began", "", "")
	case "":
		e.say(doctor.OK, "database-epoch", "no service has used the database yet", "", "")
	default:
		e.say(doctor.Warning, "database-epoch", "the database is another one than before, as after a restore or a failover: the next connection of a service begins "+
			"a new epoch, and all followers of the feed begin again", "", doctor.PageDatabase)
	}
	return nil
}
