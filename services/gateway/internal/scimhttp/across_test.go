package scimhttp

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// listAll is a page over users and groups.
type listAll struct {
	Schemas                  []string
	TotalResults             *int
	StartIndex, ItemsPerPage int
	NextCursor               string
	Resources                []string
}

func (w *world) search(body string) listAll {
	w.t.Helper()
	a := w.do("POST", "/.search", body)
	var page listAll
	if err := json.Unmarshal(a.Body.Bytes(), &page); a.Code != 200 || err != nil {
		w.t.Fatalf("%s: %d %v: %s", body, a.Code, err, a.Body)
	}
	if page.ItemsPerPage != len(page.Resources) || page.Resources == nil {
		w.t.Errorf("%s: %+v", body, page)
	}
	return page
}

func TestASearchOfTheRootIsOneListByIndex(t *testing.T) {
	t.Parallel()
	for _, has := range []map[kind]int{{users: 5, groups: 4}, {users: 0, groups: 4}, {users: 5, groups: 0}, {}} {
		w := newWorld(t)
		w.identity.has = has
		var all []string
		for n := range has[users] {
			all = append(all, fmt.Sprintf("User %d", n+1))
		}
		for n := range has[groups] {
			all = append(all, fmt.Sprintf("Group %d", n+1))
		}
		for count := range 12 {
			for start := -1; start < 12; start++ {
				page := w.search(fmt.Sprintf(`{"startIndex":%d,"count":%d}`, start, count))
				first := max(start, 1)
				from := min(first-1, len(all))
				want := all[from:min(from+count, len(all))]
				if page.TotalResults == nil || *page.TotalResults != len(all) || page.StartIndex != first ||
					strings.Join(page.Resources, ",") != strings.Join(want, ",") {
					t.Fatalf("%v from %d, %d: %+v", has, start, count, page)
				}
			}
		}
	}
}

func TestASearchOfTheRootGoesByCursor(t *testing.T) {
	t.Parallel()
	for _, has := range []map[kind]int{{users: 5, groups: 4}, {users: 0, groups: 4}, {users: 4, groups: 0}, {}} {
		w := newWorld(t)
		w.identity.has = has
		met := map[string]int{}
		for cursor, pages := "", 0; ; pages++ {
			page := w.search(fmt.Sprintf(`{"cursor":%q,"count":2}`, cursor))
			for _, resource := range page.Resources {
				met[resource]++
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			if pages > 10 {
				t.Fatal("it does not end")
			}
		}
		for k, n := range has {
			if met[fmt.Sprintf("%s %d", k, n)] > 1 || n > 0 && met[fmt.Sprintf("%s %d", k, n)] == 0 {
				t.Errorf("%v: met %v", has, met)
			}
		}
		if len(met) != has[users]+has[groups] {
			t.Errorf("%v: met %v", has, met)
		}
	}
}

// A list of the root keeps the count that it was begun with, also where the next kind begins (RFC 9865 §2.1).
func TestASearchOfTheRootKeepsItsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.has = map[kind]int{users: 3, groups: 3}
	var sizes []string
	page := w.search(`{"cursor":"","count":2}`)
	for {
		sizes = append(sizes, fmt.Sprint(len(page.Resources)))
		cursor := page.NextCursor
		if cursor == "" || len(sizes) > 10 {
			break
		}
		for _, count := range []string{"1", "3", "0", "-2"} {
			body := fmt.Sprintf(`{"cursor":%q,"count":%s}`, cursor, count)
			if a := w.do("POST", "/.search", body); a.Code != 400 || !strings.Contains(a.Body.String(), `"invalidCount"`) {
				t.Errorf("%s: %d %s", body, a.Code, a.Body)
			}
		}
		page = w.search(fmt.Sprintf(`{"cursor":%q}`, cursor))
	}
	if got := strings.Join(sizes, " "); got != "2 1 2 1" {
		t.Errorf("the sizes of the pages are %s", got)
	}
	for _, cursor := range []string{"u", "g", "u2", "gx.", "x2.1", ".", "u99999999999999.", "2.u"} {
		if a := w.do("POST", "/.search", fmt.Sprintf(`{"cursor":%q}`, cursor)); a.Code != 400 || !strings.Contains(a.Body.String(), `"invalidCursor"`) {
			t.Errorf("%s: %d %s", cursor, a.Code, a.Body)
		}
	}
}

func TestAQueryOfTheRootAsksEachKindForItsPart(t *testing.T) {
	t.Parallel()
	ask := func(filter, sortBy, cursor string) *identityv1.ListQuery {
		q := &identityv1.ListQuery{Filter: filter, SortBy: sortBy}
		if cursor != "" {
			q.Cursor = &cursor
		}
		return q
	}
	byIndex := func(filter string) *identityv1.ListQuery {
		return &identityv1.ListQuery{Filter: filter, StartIndex: 1, Count: proto.Int64(200)}
	}
	for _, c := range []struct {
		query         string
		users, groups *identityv1.ListQuery
	}{
		{`filter=meta.resourceType eq "User"&sortBy=userName`, ask("", "userName", ""), nil},
		{`filter=meta.resourceType eq "Group" and displayName eq "x"&cursor=abc`, nil, ask(`displayName eq "x"`, "", "abc")},
		{
			`filter=userName eq "x" or displayName eq "x"`, byIndex(`userName eq "x" or displayName eq "x"`),
			byIndex(`displayName eq "x"`),
		},
		{`filter=userName eq "x" and members pr`, nil, nil},
		{`filter=userName eq "x" and members pr&cursor=`, nil, nil},
	} {
		t.Run(c.query, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			values, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			values.Set("attributes", "id")
			for _, path := range []string{"?", "/?"} {
				w.identity.calls = nil
				if a := w.do("GET", path+values.Encode(), ""); a.Code != 200 || !strings.Contains(a.Body.String(), `"totalResults":0`) {
					t.Fatalf("%d: %s", a.Code, a.Body)
				}
				var ofUsers, ofGroups *identityv1.ListQuery
				for _, call := range w.identity.calls {
					if r, ok := call.request.(*identityv1.ListResourcesRequest); ok && r.GetTarget().GetResourceType() == "User" {
						ofUsers = r.GetQuery()
					} else {
						ofGroups = r.GetQuery()
					}
					r, ok := call.request.(interface{ GetProjection() *identityv1.Projection })
					if !ok || strings.Join(r.GetProjection().GetAttributes(), ",") != "id" {
						t.Errorf("called: %v", call.request)
					}
				}
				if !proto.Equal(ofUsers, c.users) || !proto.Equal(ofGroups, c.groups) {
					t.Errorf("users: %v\ngroups: %v", ofUsers, ofGroups)
				}
			}
		})
	}
}
