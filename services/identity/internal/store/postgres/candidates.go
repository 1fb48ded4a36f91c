package postgres

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scim"
)

var (
	searchValues         = newIndex("find_user_ids_by_search_value", "organization_id", "attribute")
	findGroupIDsByMember = statements.Load("find_group_ids_by_member", "organization_id", "directory_id", "member_id", "limit")
	findInactiveUserIDs  = statements.Load("find_inactive_user_ids", "organization_id", "directory_id", "limit")
	findUserIDsInGroup   = statements.Load("find_user_ids_in_group", "organization_id", "group_id", "limit")
)

// index has the statements that find ids by a column: by one value, by one of several values, from a value on, or between
// two values.
type index struct{ equal, in, from, between string }

// newIndex loads the statements. first and second are their arguments beside those for the column.
func newIndex(name, first, second string) index {
	return index{
		equal:   statements.Load(name, first, second, "low", "limit"),
		in:      statements.Load(name+"_in", first, second, "values", "limit"),
		from:    statements.Load(name+"_from", first, second, "low", "limit"),
		between: statements.Load(name+"_between", first, second, "low", "limit", "high"),
	}
}

// candidates runs the statement of an index for a condition.
func (s *Store) candidates(ctx context.Context, l index, c scim.Condition, limit int, first, second any) ([]string, error) {
	statement, args := l.from, []any{first, second, c.Low, limit}
	switch {
	case len(c.Values) > 0:
		statement, args[2] = l.in, c.Values
	case c.Low == c.High:
		statement = l.equal
	case c.High != "":
		statement, args = l.between, append(args, c.High)
	}
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], statement, args...)
}

func (s *Store) Candidates(ctx context.Context, scope store.Scope, t store.Type, c scim.Condition, limit int) ([]string, error) {
	org, directory := scope.OrganizationID, scope.DirectoryID
	if l, ok := tables[t].indexes[c.Attribute]; ok {
		return s.candidates(ctx, l, c, limit, org, directory)
	}
	switch {
	case t == store.User:
		return s.userCandidates(ctx, scope, c, limit)
	case c.Attribute == "members":
		return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], findGroupIDsByMember, org, directory, c.Low, limit)
	}
	return nil, fmt.Errorf("a %s has no index on %q", t, c.Attribute)
}

// userCandidates searches the indexes that only users have.
func (s *Store) userCandidates(ctx context.Context, scope store.Scope, c scim.Condition, limit int) ([]string, error) {
	switch c.Attribute {
	case "active":
		return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], findInactiveUserIDs, scope.OrganizationID, scope.DirectoryID, limit)
	case "groups":
		return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], findUserIDsInGroup, scope.OrganizationID, c.Low, limit)
	}
	return s.candidates(ctx, searchValues, c, limit, scope.OrganizationID, c.Attribute)
}
