package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// everyPart searches an organization's users in each part, and its groups.
func everyPart(ctx context.Context, s store.Store, organizationID string, low, high string) (found []store.Found, err error) {
	for _, part := range []store.Part{store.ByUserName, store.ByDisplayName, store.ByEmail} {
		users, err := s.SearchUsers(ctx, organizationID, store.Search{Part: part, Low: low, Value: low, High: high}, 100)
		if err != nil {
			return nil, err
		}
		found = append(found, users...)
	}
	groups, err := s.SearchGroups(ctx, organizationID, store.Search{Low: low, Value: low, High: high}, 100)
	return append(found, groups...), err
}

// peopleStrangers try the methods of store.People.
var peopleStrangers = []stranger{
	{"SearchUsers", func(ctx context.Context, s store.Store, theirs store.Scope) (rows int, err error) {
		found, err := everyPart(ctx, s, theirs.OrganizationID, "a", "z")
		return len(found), err
	}},
	{"SearchGroups", func(ctx context.Context, s store.Store, theirs store.Scope) (int, error) {
		found, err := s.SearchGroups(ctx, theirs.OrganizationID, store.Search{Low: "a", Value: "a", High: "z"}, 100)
		return len(found), err
	}},
}

// searchable gives a user names and addresses.
func searchable(userName, displayName string, emails ...string) func(*store.Resource) {
	return func(u *store.Resource) {
		u.Name, u.NameFolded, u.DisplayName = userName, scim.Casefold(userName), displayName
		u.Search = append(u.Search, scim.SearchValue{Attribute: "displayName", Value: scim.Casefold(displayName)})
		for _, e := range emails {
			u.Search = append(u.Search, scim.SearchValue{Attribute: "emails", Value: e})
		}
	}
}

// inOrder describes results: the value and the id, with a star if the value is repeated.
func inOrder(found []store.Found) string {
	all := make([]string, 0, len(found))
	for _, f := range found {
		star := map[bool]string{true: "*"}[f.Repeated]
		all = append(all, fmt.Sprintf("%s=%s%s", f.Value, f.ID, star))
	}
	return strings.Join(all, " ")
}

var peopleCases = []testCase{
	{"a search finds users of all directories by the begin of a value, in the order of value and id", func(f *fixture) {
		one, two := f.directory("d1"), f.directory("d2")
		f.user(one, "u1", searchable("Ann", "Zoe Zed", "ann@example.com", "a@example.com", "b@example.com"))
		f.user(two, "u2", searchable("ann", "Änne", "ann@example.com"))
		f.user(two, "u3", searchable("annika", "Ann Ika"))
		f.user(one, "u4", searchable("bob", "Ann Ika", "zed@example.com"))
		search := func(part store.Part, low, value, id string, limit int) string {
			found, err := f.store.SearchUsers(f.Context(), "acme",
				store.Search{Part: part, Low: low, High: scim.AfterPrefix(low), Value: value, ID: id}, limit)
			f.must(err)
			return inOrder(found)
		}
		f.equal("by userName", search(store.ByUserName, "ann", "ann", "", 10), "ann=u1 ann=u2 annika=u3")
		f.equal("after the first one", search(store.ByUserName, "ann", "ann", "u1", 1), "ann=u2")
		f.equal("by displayName", search(store.ByDisplayName, "ann", "ann", "", 10), "ann ika=u3 ann ika=u4")
		f.equal("by displayName, after the first one", search(store.ByDisplayName, "ann", "ann ika", "u3", 10), "ann ika=u4")
		f.equal("by displayName beyond ASCII", search(store.ByDisplayName, "än", "än", "", 10), "änne=u2")
		f.equal("by e-mail", search(store.ByEmail, "a", "a", "", 10), "a@example.com=u1 ann@example.com=u1* ann@example.com=u2")
		f.equal("by e-mail, from the second one", search(store.ByEmail, "ann", "ann", "", 10), "ann@example.com=u1 ann@example.com=u2")
		in, err := f.store.SearchUsers(f.Context(), "acme",
			store.Search{Part: store.ByUserName, DirectoryID: "d2", Low: "ann", High: "anz", Value: "ann", ID: ""}, 10)
		f.must(err)
		f.equal("in a directory", inOrder(in), "ann=u2 annika=u3")
		in, err = f.store.SearchUsers(f.Context(), "acme",
			store.Search{Part: store.ByUserName, DirectoryID: "d2", Low: "ann", High: "anz", Value: "ann", ID: "u2"}, 10)
		f.must(err)
		f.equal("in a directory, after the first one", inOrder(in), "annika=u3")
	}},
	{"a result of a search is a summary, with the names that other parts look at", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "u1", searchable("Ann", "Ann A."), func(u *store.Resource) { u.ExternalID, u.Active = "ext", false })
		f.directory("d1", closed)
		found, err := f.store.SearchUsers(f.Context(), "acme", store.Search{Part: store.ByUserName, Low: "a", High: "b", Value: "a"}, 10)
		f.must(err)
		u.Document, u.CreateTime = nil, found[0].CreateTime
		f.equal("the user", found, []store.Found{{Facts: store.Facts{Resource: u, Detached: true}, Value: "ann"}})
	}},
	{"a search finds groups of all directories by the begin of the displayName", func(f *fixture) {
		f.group(f.directory("d1"), "b")
		f.group(f.directory("d2"), "a")
		f.group(f.directory("d2"), "c")
		found, err := f.store.SearchGroups(f.Context(), "acme", store.Search{High: "group c", Value: "group"}, 10)
		f.must(err)
		f.equal("groups", inOrder(found), "group a=a group b=b")
		found, err = f.store.SearchGroups(f.Context(), "acme", store.Search{High: "h", Value: "group a", ID: "a"}, 1)
		f.must(err)
		f.equal("the next one", inOrder(found), "group b=b")
	}},
}
