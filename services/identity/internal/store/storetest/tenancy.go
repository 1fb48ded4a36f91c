package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// stranger is an attempt by organization "other" at what acme has, under the same ids. What it answers must be nothing:
// no rows, or an error.
type stranger struct {
	method string
	try    func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error)
}

// strangers walks every method that takes an organization or ids.
var strangers = []stranger{
	{"Directory", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.Directory(ctx, store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d1"})
		return 0, err
	}},
	{"Ancestors", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Ancestors(ctx, theirs)
		return len(all), err
	}},
	{"User", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.User(ctx, theirs, "anna")
		return 0, err
	}},
	{"UserByUserName", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.UserByUserName(ctx, theirs, "name-anna")
		return 0, err
	}},
	{"UserByExternalID", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.UserByExternalID(ctx, theirs, "ext")
		return 0, err
	}},
	{"UserWithGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.UserWithGroups(ctx, theirs, store.Lookup{ID: "anna"})
		return 0, err
	}},
	{"Users", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Users(ctx, theirs, "", 10, math.MaxInt32)
		return len(all), err
	}},
	{"UserCandidates", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := candidates(ctx, s.UserCandidates, theirs, userConditions)
		return len(all), err
	}},
	{"UsersByID", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UsersByID(ctx, theirs, []string{"anna"}, math.MaxInt32)
		return len(all), err
	}},
	{"UserPage", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UserPage(ctx, theirs, store.Order{}, 0, 10, math.MaxInt32)
		return len(all), err
	}},
	{"CountUsers", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		count, err := s.CountUsers(ctx, theirs)
		return int(count), err
	}},
	{"CreateUser", nil}, // adds, and names nothing that is there
	{"UpdateUser", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		u := newUser(theirs, "anna")
		u.Version = 1
		_, err := s.UpdateUser(ctx, u, cause(1))
		return 0, err
	}},
	{"AdoptUser", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		u := newUser(theirs, "anna")
		u.Version = 1
		_, err := s.AdoptUser(ctx, "d1", u, cause(1))
		return 0, err
	}},
	{"DeleteUser", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.DeleteUser(ctx, theirs, "anna", nil, cause(1))
		return 0, err
	}},
	{"UserGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UserGroups(ctx, theirs, []string{"anna"})
		return len(all), err
	}},
	{"DetachedUser", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.DetachedUser(ctx, theirs.OrganizationID, []string{"d1", "d2"}, store.Names{ExternalID: "ext", Folded: "name-anna"})
		return 0, err
	}},
	{"DetachedGroup", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.DetachedGroup(ctx, theirs.OrganizationID, []string{"d1", "d2"}, store.Names{ExternalID: "ext", Folded: "group eng"})
		return 0, err
	}},
	{"Group", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.Group(ctx, theirs, "eng")
		return 0, err
	}},
	{"GroupCandidates", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := candidates(ctx, s.GroupCandidates, theirs, groupConditions)
		return len(all), err
	}},
	{"GroupsByID", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.GroupsByID(ctx, theirs, []string{"eng"}, math.MaxInt32)
		return len(all), err
	}},
	{"Groups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Groups(ctx, theirs, "", 10, math.MaxInt32)
		return len(all), err
	}},
	{"GroupPage", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.GroupPage(ctx, theirs, store.Order{}, 0, 10, math.MaxInt32)
		return len(all), err
	}},
	{"CountGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		count, err := s.CountGroups(ctx, theirs)
		return int(count), err
	}},
	{"CreateGroup", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.CreateGroup(ctx, newGroup(theirs, "new"), added("anna"), cause(1))
		return 0, err
	}},
	{"UpdateGroup", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.UpdateGroup(ctx, store.Group{Scope: theirs, ID: "eng"}, false, nil, removed("anna"), cause(1))
		return 0, err
	}},
	{"AdoptGroup", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		g := newGroup(theirs, "eng")
		g.Version = 1
		_, err := s.AdoptGroup(ctx, "d1", g, nil, cause(1))
		return 0, err
	}},
	{"DeleteGroup", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.DeleteGroup(ctx, theirs, "eng", nil, cause(1))
		return 0, err
	}},
	{"Members", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Members(ctx, theirs, "eng", "", 10)
		return len(all), err
	}},
	{"Changes", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, _, _, err := s.Changes(ctx, theirs.OrganizationID, feed.Cursor{}, 10)
		return len(all), err
	}},
	{"Facts", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		page, err := s.Facts(ctx, theirs.OrganizationID, []string{"anna"}, ample())
		return len(page.Users) + len(page.Edges), err
	}},
	{"UserStatuses", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UserStatuses(ctx, theirs.OrganizationID, []string{"anna"})
		return len(all), err
	}},
	{"FindUsers", func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error) {
		for _, by := range []store.Lookup{{ID: "anna"}, {UserNameFolded: "name-anna"}, {ExternalID: "ext"}, {EmailFolded: "anna@example.com"}} {
			found, err := s.FindUsers(ctx, theirs.OrganizationID, by, 10)
			if err != nil {
				return 0, err
			}
			rows += len(found)
		}
		return rows, nil
	}},
	{"UserIDs", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UserIDs(ctx, theirs.OrganizationID, "", 10)
		return len(all), err
	}},
	{"FindGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.FindGroups(ctx, theirs.OrganizationID, "", "", 10)
		return len(all), err
	}},
	{"GroupFacts", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.GroupFacts(ctx, theirs.OrganizationID, []string{"eng"})
		return len(all), err
	}},
	{"DirectMembers", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.DirectMembers(ctx, theirs.OrganizationID, "eng", "", 10)
		return len(all), err
	}},
	{"CarriedMembers", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.CarriedMembers(ctx, theirs, "", "", 10)
		return len(all), err
	}},
	{"RemoveCarried", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		w, err := s.RemoveCarried(ctx, theirs, []store.CarriedMember{{GroupID: "eng", Member: store.Member{ID: "bob"}}}, cause(1))
		return int(w.Cursor.Sequence), err
	}},
	{"AddOddities", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return 0, s.AddOddities(ctx, []store.Oddity{oddity(store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d2"}, "op-capitalised", 1, 1, 1)})
	}},
	{"Oddities", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Oddities(ctx, store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d1"})
		return len(all), err
	}},
	{"PutSchema", func(ctx context.Context, s store.Store, theirs store.Scope) (seen int, err error) {
		_, err = s.PutSchema(ctx, schema(theirs, "urn:x:a", true, 2), func(others []store.Schema) error {
			seen = len(others)
			return fault.Missing("nothing", "more") // so that it is not theirs afterwards
		})
		return seen, err
	}},
	{"Schemas", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Schemas(ctx, theirs)
		return len(all), err
	}},
	{"Extended", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Extended(ctx, theirs.OrganizationID)
		return len(all), err
	}},
	{"EraseUser", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.EraseUser(ctx, theirs.OrganizationID, "bob", cause(1))
		return 0, err
	}},
	{"EraseOrganization", nil}, // the cases of erasure do
	{"DeleteSchema", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return 0, s.DeleteSchema(ctx, theirs, "urn:x:b")
	}},
}

// ownedByAll are the methods that concern no organization's data: places in the feed, and what follows directories.
var ownedByAll = []string{"Active", "ApplyDirectory", "Close", "Cursor", "Epoch", "Followed", "TrimChanges", "Written"}

var tenancyCases = []testCase{
	{"nothing of an organization is read or changed by another under its ids", func(f *fixture) {
		for _, directoryID := range []string{"d2", "d9"} { // also where both have a directory of one id
			f.directoryOf("other", directoryID, replacing("d1"))
		}
		old, scope := f.replacement(func(old store.Scope) {
			f.user(old, "anna", email("anna@example.com"), func(u *store.User) { u.ExternalID = "ext" })
			f.users(old, "bob")
			g := newGroup(old, "eng")
			g.ExternalID = "ext"
			_, err := f.store.CreateGroup(f.Context(), g, added("anna", "bob"), cause(0))
			f.must(err)
		})
		f.adoptGroup(old, scope, "eng")
		f.user(scope, "carl")
		f.must(f.store.AddOddities(f.Context(), []store.Oddity{oddity(old, "op-capitalised", 1, 1, 1)}))
		f.putSchema(schema(scope, "urn:x:b", false, 1))
		before := f.everything(old, scope)
		for _, directoryID := range []string{"d2", "d9"} {
			theirs := store.Scope{OrganizationID: "other", DirectoryID: directoryID}
			for _, stranger := range strangers {
				if stranger.try == nil {
					continue
				}
				rows, err := stranger.try(f.Context(), f.store, theirs)
				if rows > 0 {
					f.Errorf("%s answered %d rows", stranger.method, rows)
				}
				if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.InvalidValue) && !errors.Is(err, store.ErrChanged) {
					f.Errorf("%s: %v", stranger.method, err)
				}
			}
		}
		f.equal("what acme has", f.everything(old, scope), before)
	}},
	{"every method of the contract is walked", func(f *fixture) {
		walked := slices.Clone(ownedByAll)
		for _, s := range strangers {
			walked = append(walked, s.method)
		}
		contract := reflect.TypeFor[store.Store]()
		for i := range contract.NumMethod() {
			if name := contract.Method(i).Name; !slices.Contains(walked, name) {
				f.Errorf("no stranger tries %s", name)
			}
		}
	}},
	{"two organizations may use the same ids and names", func(f *fixture) {
		for _, o := range []string{"acme", "other"} {
			scope := f.directoryOf(o, "d1", uniqueNames)
			f.user(scope, "anna", func(u *store.User) { u.ExternalID = "ext" })
			f.group(scope, "eng", "anna")
		}
		_, err := f.store.DeleteUser(f.Context(), store.Scope{OrganizationID: "other", DirectoryID: "d1"}, "anna", nil, cause(1))
		f.must(err)
		f.equal("acme's members", f.allMembers("acme", "eng"), list("anna"))
		f.equal("the other's members", f.allMembers("other", "eng"), list())
	}},
}

// everything that acme has, in words.
func (f *fixture) everything(scopes ...store.Scope) string {
	f.Helper()
	var all []string
	for _, scope := range scopes {
		users, err := f.store.Users(f.Context(), scope, "", 100, math.MaxInt32)
		f.must(err)
		groups, err := f.store.Groups(f.Context(), scope, "", 100, math.MaxInt32)
		f.must(err)
		for _, u := range users {
			all = append(all, fmt.Sprintf("%+v", u))
		}
		for _, g := range groups {
			all = append(all, fmt.Sprintf("%+v", g), strings.Join(f.allMembers("acme", g.ID), ","))
		}
		all = append(all, fmt.Sprintf("%+v", f.schemas(scope)))
	}
	return strings.Join(append(all, f.since(feed.Cursor{})...), "\n")
}
