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

// stranger is an attempt by organization "other" to reach data of acme under the same ids. It must return nothing: no rows,
// or an error.
type stranger struct {
	method string
	try    func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error)
}

// acmes are the user and the group of acme.
var acmes = []store.Resource{acme(newUser(store.Scope{}, "anna")), acme(newGroup(store.Scope{}, "eng"))}

func acme(r store.Resource) store.Resource {
	r.ExternalID = "ext"
	return r
}

// each adds up the results for each resource.
func each(all []store.Resource, find func(store.Resource) (int, error)) (rows int, err error) {
	for _, r := range all {
		n, err := find(r)
		if rows += n; err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// unless returns 1 for a success, and 0 if the call was refused because the data is not theirs.
func unless(err error) (int, error) {
	if fault.Is(err, fault.NotFound) || errors.Is(err, store.ErrChanged) {
		return 0, nil
	}
	return 1, err
}

// strangers tries every method that takes an organization or ids.
var strangers = []stranger{
	{"Directory", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.Directory(ctx, store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d1"})
		return 0, err
	}},
	{"Ancestors", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Ancestors(ctx, theirs)
		return len(all), err
	}},
	{"Get", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			var found int
			for _, by := range []store.Selector{{ID: r.ID}, {Name: r.NameFolded}, {ExternalID: r.ExternalID}} {
				if r.Type == store.Group && by.ID == "" {
					continue // no index has unique values of it
				}
				for _, groups := range []bool{false, true} {
					if _, err := s.Get(ctx, theirs, r.Type, by, groups); err == nil {
						found++
					} else if !fault.Is(err, fault.NotFound) {
						return found, err
					}
				}
			}
			return found, nil
		})
	}},
	{"List", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			all, err := s.List(ctx, theirs, r.Type, "", 10, math.MaxInt32)
			return len(all), err
		})
	}},
	{"ByID", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			all, err := s.ByID(ctx, theirs, r.Type, []string{r.ID}, math.MaxInt32)
			return len(all), err
		})
	}},
	{"Page", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			all, err := s.Page(ctx, theirs, r.Type, store.Order{}, 0, 10, math.MaxInt32)
			return len(all), err
		})
	}},
	{"Count", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			count, err := s.Count(ctx, theirs, r.Type)
			return int(count), err
		})
	}},
	{"Candidates", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		users, err := candidates(ctx, s, theirs, store.User, userConditions)
		if err != nil {
			return len(users), err
		}
		groups, err := candidates(ctx, s, theirs, store.Group, groupConditions)
		return len(users) + len(groups), err
	}},
	{"Create", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		_, err := s.Create(ctx, newGroup(theirs, "new"), added("anna"), cause(1))
		return 0, err
	}},
	{"Update", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		if _, err := s.Update(ctx, membersOf(newGroup(theirs, "eng"), 0), removed("anna"), cause(1)); !fault.Is(err, fault.NotFound) {
			return 1, err
		}
		return each(acmes, func(r store.Resource) (int, error) {
			r.Scope, r.Version = theirs, 1
			_, err := s.Update(ctx, r, nil, cause(1))
			return unless(err)
		})
	}},
	{"Adopt", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			r.Scope, r.Version = theirs, 1
			_, err := s.Adopt(ctx, "d1", r, nil, cause(1))
			return unless(err)
		})
	}},
	{"Delete", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			_, err := s.Delete(ctx, theirs, r.Type, r.ID, nil, cause(1))
			return unless(err)
		})
	}},
	{"Detached", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			r.Scope = theirs
			_, err := s.Detached(ctx, r, []string{"d1", "d2"})
			return unless(err)
		})
	}},
	{"IDs", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			all, err := s.IDs(ctx, theirs.OrganizationID, r.Type, "", 10)
			return len(all), err
		})
	}},
	{"Find", func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error) {
		return each(acmes, func(r store.Resource) (rows int, err error) {
			ways := []store.Selector{{All: true}, {ID: r.ID}, {Name: r.NameFolded}, {ExternalID: r.ExternalID}}
			if r.Type == store.User {
				ways = append(ways, store.Selector{Email: "anna@example.com"})
			}
			for _, by := range ways {
				found, err := s.Find(ctx, theirs.OrganizationID, r.Type, by, "", 10)
				if err != nil {
					return 0, err
				}
				rows += len(found)
			}
			return rows, nil
		})
	}},
	{"Summaries", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return each(acmes, func(r store.Resource) (int, error) {
			all, err := s.Summaries(ctx, theirs.OrganizationID, r.Type, []string{r.ID})
			return len(all), err
		})
	}},
	{"UserGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.UserGroups(ctx, theirs, []string{"anna"})
		return len(all), err
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
	{"DirectMembers", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.DirectMembers(ctx, theirs.OrganizationID, "eng", "", 10)
		return len(all), err
	}},
	{"CarriedMembers", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.CarriedMembers(ctx, theirs, "", "", 10)
		return len(all), err
	}},
	{"RemoveCarried", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		w, err := s.RemoveCarried(ctx, theirs, []store.CarriedMember{{GroupID: "eng", Member: member("bob")}}, cause(1))
		return int(w.Cursor.Sequence), err
	}},
	{"AddMessageCounts", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return 0, s.AddMessageCounts(ctx, []store.MessageCount{messageCount(store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d2"}, "op-capitalised", 1, 1, 1)})
	}},
	{"MessageCounts", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.MessageCounts(ctx, store.Scope{OrganizationID: theirs.OrganizationID, DirectoryID: "d1"})
		return len(all), err
	}},
	{"Milestones", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		all, err := s.Milestones(ctx, theirs.OrganizationID, []string{"d1", "d2"})
		return len(all), err
	}},
	{"Totals", func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error) {
		all, err := s.Totals(ctx, theirs.OrganizationID, "", 10)
		for _, t := range all {
			rows += int(t.Users+t.Groups) + int(t.Ignored)
		}
		return rows, err
	}},
	{"PutSchema", func(ctx context.Context, s store.Store, theirs store.Scope) (seen int, err error) {
		_, err = s.PutSchema(ctx, schema(theirs, "urn:x:a", store.Group, 2), func(_ store.Schema, others []store.Schema) error {
			seen = len(others)
			return fault.Missing("schema", "urn:x:a") // so that it is not theirs afterwards
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
	{"EraseOrganization", nil}, // tested by the cases of erasure
	{"DeleteSchema", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		return 0, s.DeleteSchema(ctx, theirs, "urn:x:b")
	}},
}

// ownedByAll are the methods that concern no organization's data: places in the feed, methods for the follower of directories, and
// methods for what the service does with users of all organizations.
var ownedByAll = []string{"Active", "ApplyDirectory", "Close", "Cursor", "DeletedUsers", "ForgetDeletedUsers", "Epoch", "Followed", "TrimChanges", "NewChanges"}

var tenancyCases = []testCase{
	{"no other organization can read or change anything by an organization's ids", func(f *fixture) {
		for _, directoryID := range []string{"d2", "d9"} { // also if both have a directory with the same id
			f.directoryOf("other", directoryID, replacing("d1"))
		}
		old, scope := f.replacement(func(old store.Scope) {
			f.user(old, "anna", email("anna@example.com"), func(u *store.Resource) { u.ExternalID = "ext" })
			f.users(old, "bob")
			g := newGroup(old, "eng")
			g.ExternalID = "ext"
			_, err := f.store.Create(f.Context(), g, added("anna", "bob"), cause(0))
			f.must(err)
		})
		f.adoptGroup(old, scope, "eng")
		f.user(scope, "carl")
		f.must(f.store.AddMessageCounts(f.Context(), []store.MessageCount{messageCount(old, "op-capitalised", 1, 1, 1), messageCount(old, "milestone x", 1, 1, 1)}))
		f.putSchema(schema(scope, "urn:x:b", store.User, 1))
		before := f.everything(old, scope)
		for _, directoryID := range []string{"d2", "d9"} {
			theirs := store.Scope{OrganizationID: "other", DirectoryID: directoryID}
			for _, stranger := range slices.Concat(strangers, peopleStrangers) {
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
	{"every method of the contract is tested", func(f *fixture) {
		walked := slices.Clone(ownedByAll)
		for _, s := range slices.Concat(strangers, peopleStrangers) {
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
			f.user(scope, "anna", func(u *store.Resource) { u.ExternalID = "ext" })
			f.group(scope, "eng", "anna")
		}
		_, err := f.store.Delete(f.Context(), store.Scope{OrganizationID: "other", DirectoryID: "d1"}, store.User, "anna", nil, cause(1))
		f.must(err)
		f.equal("acme's members", f.allMembers("acme", "eng"), list("anna"))
		f.equal("the other's members", f.allMembers("other", "eng"), list())
	}},
}

// everything describes all data of acme in words.
func (f *fixture) everything(scopes ...store.Scope) string {
	f.Helper()
	var all []string
	for _, scope := range scopes {
		users, err := f.store.List(f.Context(), scope, store.User, "", 100, math.MaxInt32)
		f.must(err)
		groups, err := f.store.List(f.Context(), scope, store.Group, "", 100, math.MaxInt32)
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
