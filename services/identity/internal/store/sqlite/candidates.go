package sqlite

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	searchValues         = newIndex("find_user_ids_by_search_value", "organization_id", "attribute")
	groupNames           = newIndex("find_group_ids_by_name", "organization_id")
	findGroupIDsByMember = statements.Load("find_group_ids_by_member", "organization_id", "directory_id", "member_id", "limit")
	findInactiveUserIDs  = statements.Load("find_inactive_user_ids", "organization_id", "directory_id", "limit")
	findUserIDsInGroup   = statements.Load("find_user_ids_in_group", "organization_id", "group_id", "limit")
)

// index has the statements that find ids by a column: by one value, by one of several values, from a value on, or between
// two values.
type index struct{ equal, in, from, between string }

// newIndex loads the statements. Their last arguments are the values for the column, and the limit.
func newIndex(name string, arguments ...string) index {
	load := func(suffix string, last ...string) string {
		return statements.Load(name+suffix, append(arguments[:len(arguments):len(arguments)], last...)...)
	}
	return index{
		equal: load("", "low", "limit"), in: load("_in", "values", "limit"),
		from: load("_from", "low", "limit"), between: load("_between", "low", "high", "limit"),
	}
}

// candidates runs the statement of an index for a condition.
func (s *Store) candidates(ctx context.Context, l index, c scim.Condition, limit int, args ...any) ([]string, error) {
	var statement string
	switch {
	case len(c.Values) > 0:
		statement, args = l.in, append(args, jsonSet(c.Values), limit)
	case c.Low == c.High:
		statement, args = l.equal, append(args, c.Low, limit)
	case c.High == "":
		statement, args = l.from, append(args, c.Low, limit)
	default:
		statement, args = l.between, append(args, c.Low, c.High, limit)
	}
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], statement, args...)
}

func (s *Store) Candidates(ctx context.Context, scope store.Scope, t store.Type, c scim.Condition, limit int) ([]string, error) {
	org, directory := scope.OrganizationID, scope.DirectoryID
	if l, ok := tables[t].indexes[c.Attribute]; ok {
		return s.candidates(ctx, l, c, limit, org, directory)
	}
	switch {
	case t == store.User:
		return s.userCandidates(ctx, scope, c, limit)
	case c.Attribute == "displayName":
		return s.candidates(ctx, groupNames, c, limit, org)
	case c.Attribute == "members":
		return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], findGroupIDsByMember, org, directory, c.Low, limit)
	}
	return nil, fmt.Errorf("a %s has no index on %q", t, c.Attribute)
}

// userCandidates searches the indexes that only users have.
func (s *Store) userCandidates(ctx context.Context, scope store.Scope, c scim.Condition, limit int) ([]string, error) {
	switch c.Attribute {
	case "active":
		return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], findInactiveUserIDs, scope.OrganizationID, scope.DirectoryID, limit)
	case "groups":
		return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], findUserIDsInGroup, scope.OrganizationID, c.Low, limit)
	}
	return s.candidates(ctx, searchValues, c, limit, scope.OrganizationID, c.Attribute)
}
