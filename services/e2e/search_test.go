package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// The root's list is that of users and groups together.
func TestUsersAndGroupsInOneSearch(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		var all []string
		for i := range 5 {
			all = append(all, d.user(fmt.Sprint("u", i)))
		}
		for i := range 3 {
			all = append(all, d.group(fmt.Sprint("g", i), all[i]))
		}
		ids := func(a answer) (found []string) {
			resources, _ := a.body["Resources"].([]any)
			for _, resource := range resources {
				one, _ := resource.(map[string]any)
				id, _ := one["id"].(string)
				found = append(found, id)
			}
			return found
		}
		page := d.send("POST", "/.search", `{"startIndex":4,"count":3}`, 200)
		if got := ids(page); strings.Join(got, " ") != strings.Join(all[3:6], " ") || page.body["totalResults"] != 8.0 {
			t.Errorf("got %v of %v", got, page.body["totalResults"])
		}
		var met []string
		for cursor := ""; ; {
			page := d.send("POST", "/.search", fmt.Sprintf(`{"cursor":%q,"count":2}`, cursor), 200)
			met = append(met, ids(page)...)
			if cursor = page.str("nextCursor"); cursor == "" {
				break
			}
		}
		if strings.Join(met, " ") != strings.Join(all, " ") {
			t.Errorf("by cursor: %v, not %v", met, all)
		}
		// A list by cursor keeps the count that it was begun with (RFC 9865 §2.1).
		for _, path := range []string{"", "/Users", "/Groups"} {
			next := d.send("GET", path+"?cursor=&count=2", "", 200).str("nextCursor")
			for _, count := range []string{"1", "3", "0"} {
				if a := d.send("GET", path+"?cursor="+next+"&count="+count, "", 400); a.str("scimType") != "invalidCount" {
					t.Errorf("%s, count %s: %s", path, count, a.raw)
				}
				if a := d.send("POST", path+"/.search", fmt.Sprintf(`{"cursor":%q,"count":%s}`, next, count), 400); a.str("scimType") != "invalidCount" {
					t.Errorf("a search of %s, count %s: %s", path, count, a.raw)
				}
			}
			if got, want := len(ids(d.send("GET", path+"?cursor="+next, "", 200))), map[string]int{"": 2, "/Users": 2, "/Groups": 1}[path]; got != want {
				t.Errorf("%s without a count: %d resources, not %d", path, got, want)
			}
		}
		for filter, want := range map[string][]string{
			`meta.resourceType eq "Group"`:            all[5:],
			`userName eq "u1" or displayName eq "g2"`: {all[1], all[7]},
			`members.value eq "` + all[2] + `"`:       {all[7]},
			`userName ne "u0"`:                        append(append([]string(nil), all[1:5]...), all[5:]...),
		} {
			got := ids(d.send("GET", "/?filter="+url.QueryEscape(filter), "", 200))
			if strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %v, not %v", filter, got, want)
			}
		}
		d.send("GET", "?filter="+url.QueryEscape(`nickname2 eq "x"`), "", 400)
		d.send("GET", "/Me", "", 501)
	})
}
