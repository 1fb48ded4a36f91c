package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Each of these was seen to go wrong in another SCIM server.
func TestDefectsOfOthers(t *testing.T) {
	t.Parallel()
	inDirectories(t, []directoryTest{
		{"adding to a multi-valued attribute replaces it", addingReplacesNothing},
		{"a dotted path is stored as a key", aDottedPathIsNoKey},
		{"a capital op is answered 200 and ignored", aCapitalOpIsApplied},
		{"a deleted user stays in its groups", aDeletedUserLeavesItsGroups},
		{"a second value becomes primary beside the first", primaryMoves},
		{"filters on multi-valued attributes match nobody or everybody", filtersLookIntoValues},
		{"null is kept, or ignored", nullClears},
		{"deep JSON ends the process or is a 500", deepJSONIsRefused},
		{"a compressed body is a 500", aCompressedBodyIsRefused},
		{"a key such as __proto__ changes all resources", aKeyIsOnlyAKey},
		{"a group shows its first hundred members", allMembersAreShown},
		{"removing a member by a filter removes nobody, or all", aFilterRemovesOneMember},
		{"members added at a time are lost", membersAddedAtATimeAllStay},
		{"a page by cursor skips somebody", pagesByCursorSkipNobody},
	})
}

// of reads a resource.
func (d *directory) of(path string) map[string]any {
	d.u.t.Helper()
	return d.send("GET", path, "", http.StatusOK).body
}

// values lists a sub-attribute of a multi-valued attribute, sorted; nothing for values without it.
func values(resource map[string]any, attribute, sub string) []string {
	list, _ := resource[attribute].([]any)
	all := make([]string, 0, len(list))
	for _, v := range list {
		if text, ok := v.(map[string]any)[sub]; ok {
			all = append(all, fmt.Sprint(text))
		}
	}
	slices.Sort(all)
	return all
}

func requireValues(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func email(kind, value string) map[string]any { return map[string]any{"type": kind, "value": value} }

func addingReplacesNothing(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	d.patch(ann, "add", "emails", []any{email("work", "a@work")}, http.StatusOK)
	d.patch(ann, "add", "emails", []any{email("home", "a@home")}, http.StatusOK)
	d.patch(ann, "add", "", map[string]any{"emails": []any{email("other", "a@other")}}, http.StatusOK)
	requireValues(t, "emails", values(d.of(ann), "emails", "value"), "a@work", "a@home", "a@other")
	bob, cy := d.user("bob"), d.user("cy")
	crew := "/Groups/" + d.group("Crew", bob)
	d.patch(crew, "add", "members", []any{map[string]any{"value": cy}}, http.StatusNoContent)
	requireValues(t, "members", values(d.of(crew), "members", "value"), bob, cy)
}

func aDottedPathIsNoKey(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	d.patch(ann, "replace", "name.givenName", "Ann", http.StatusOK)
	d.patch(ann, "add", "name.middleName", "Mae", http.StatusOK)
	d.patch(ann, "replace", "", map[string]any{"name.familyName": "Lee"}, http.StatusOK)
	user := d.of(ann)
	if name := fmt.Sprint(user["name"]); name != "map[familyName:Lee givenName:Ann middleName:Mae]" {
		t.Errorf("the name is %s", name)
	}
	for key := range user {
		if strings.Contains(key, "name.") {
			t.Errorf("there is a key %q", key)
		}
	}
}

func aCapitalOpIsApplied(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	for _, op := range []string{"Add", "Replace", "REPLACE"} {
		d.patch(ann, op, "title", "by "+op, http.StatusOK)
		if got := d.of(ann)["title"]; got != "by "+op {
			t.Errorf("after %s the title is %v", op, got)
		}
	}
	d.patch(ann, "Remove", "title", nil, http.StatusOK)
	if got, ok := d.of(ann)["title"]; ok {
		t.Errorf("after Remove the title is %v", got)
	}
}

func aDeletedUserLeavesItsGroups(t *testing.T, d *directory) {
	ann, bob := d.user("ann"), d.user("bob")
	inner := d.group("Inner", ann, bob)
	crew := d.group("Crew", inner, ann)
	requireValues(t, "groups of ann", values(d.of("/Users/"+ann), "groups", "value"), inner, crew)
	d.send("DELETE", "/Users/"+ann, "", http.StatusNoContent)
	requireValues(t, "members of the inner group", values(d.of("/Groups/"+inner), "members", "value"), bob)
	requireValues(t, "members of the group", values(d.of("/Groups/"+crew), "members", "value"), inner)
	requireValues(t, "groups with ann", d.found("/Groups", `members.value eq "`+ann+`"`))
	d.send("DELETE", "/Groups/"+inner, "", http.StatusNoContent)
	requireValues(t, "groups of bob", values(d.of("/Users/"+bob), "groups", "value"))
	requireValues(t, "members of the group", values(d.of("/Groups/"+crew), "members", "value"))
	requireValues(t, "groups of ann, who came back", values(d.of("/Users/"+d.user("ann")), "groups", "value"))
}

func primaryMoves(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	primary := func(e map[string]any) map[string]any { e["primary"] = true; return e }
	requirePrimary := func(want string) {
		t.Helper()
		var got []string
		for _, e := range d.of(ann)["emails"].([]any) {
			if e := e.(map[string]any); e["primary"] == true {
				got = append(got, e["value"].(string))
			}
		}
		requireValues(t, "primary e-mails", got, want)
	}
	d.patch(ann, "add", "emails", []any{primary(email("work", "a@work")), email("home", "a@home")}, http.StatusOK)
	requirePrimary("a@work")
	d.patch(ann, "add", "emails", []any{primary(email("other", "a@other"))}, http.StatusOK)
	requirePrimary("a@other")
	d.patch(ann, "replace", `emails[type eq "home"].primary`, true, http.StatusOK)
	requirePrimary("a@home")
}

// found lists the names of those that a filter finds, sorted.
func (d *directory) found(path, filter string) []string {
	d.u.t.Helper()
	name := map[string]string{"/Users": "userName", "/Groups": "displayName"}[path]
	return values(d.of(path+"?filter="+url.QueryEscape(filter)), "Resources", name)
}

func filtersLookIntoValues(t *testing.T, d *directory) {
	for name, emails := range map[string][]any{
		"ann": {email("work", "ann@work"), email("home", "x@home")},
		"bob": {email("work", "x@work"), email("home", "ann@work")},
		"cy":  nil,
	} {
		d.patch("/Users/"+d.user(name), "add", "emails", emails, http.StatusOK)
	}
	for filter, want := range map[string][]string{
		`emails.value eq "ann@work"`:                        {"ann", "bob"},
		`emails.value eq "ANN@WORK"`:                        {"ann", "bob"},
		`emails eq "x@work"`:                                {"bob"},
		`emails[type eq "work" and value eq "ann@work"]`:    {"ann"},
		`emails[type eq "work" and value co "ann"]`:         {"ann"},
		`emails[type eq "home" and value co "ann"]`:         {"bob"},
		`emails.type eq "work" and emails.value co "ann"`:   {"ann", "bob"},
		`not (emails[type eq "work"])`:                      {"cy"},
		`emails pr`:                                         {"ann", "bob"},
		`not (emails pr)`:                                   {"cy"},
		`emails[type eq "work"] and userName sw "a"`:        {"ann"},
		`emails[type eq "other"] or emails.value ew "home"`: {"ann"},
	} {
		requireValues(t, filter, d.found("/Users", filter), want...)
	}
}

func nullClears(t *testing.T, d *directory) {
	ann := "/Users/" + d.user("ann")
	fill := func() {
		d.patch(ann, "replace", "", map[string]any{
			"title": "x", "nickName": "y", "name": map[string]any{"givenName": "Ann", "familyName": "Lee"}, "emails": []any{email("work", "a@work")},
		}, http.StatusOK)
	}
	requireCleared := func(how string) {
		t.Helper()
		user := d.of(ann)
		for _, attribute := range []string{"title", "nickName", "emails"} {
			if got, ok := user[attribute]; ok {
				t.Errorf("%s leaves %s: %v", how, attribute, got)
			}
		}
		if name := fmt.Sprint(user["name"]); name != "map[familyName:Lee]" {
			t.Errorf("%s leaves the name %s", how, name)
		}
	}
	const operation = `{"op":"replace","path":%q,"value":null}`
	fill()
	var all []string
	for _, path := range []string{"title", "nickName", "emails", "name.givenName"} {
		all = append(all, fmt.Sprintf(operation, path))
	}
	d.send("PATCH", ann, ops(all...), http.StatusOK)
	requireCleared("replacing by null")
	fill()
	d.send("PATCH", ann, ops(`{"op":"replace","value":{"title":null,"nickName":null,"emails":null,"name":{"givenName":null}}}`), http.StatusOK)
	requireCleared("replacing by null without a path")
	fill()
	d.send("PUT", ann, `{`+userSchema+`,"userName":"ann","title":null,"emails":null,"name":{"givenName":null,"familyName":"Lee"}}`, http.StatusOK)
	requireCleared("a PUT with null")
}

func deepJSONIsRefused(t *testing.T, d *directory) {
	const depth = 100_000
	for _, deep := range []string{
		strings.Repeat("[", depth), strings.Repeat(`{"a":`, depth), strings.Repeat("[", depth) + strings.Repeat("]", depth),
		`{"userName":"x","emails":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`,
	} {
		d.send("POST", "/Users", deep, http.StatusBadRequest)
		d.send("PATCH", "/Groups/"+nobody, ops(`{"op":"add","path":"members","value":`+deep+`}`), http.StatusBadRequest)
	}
	d.send("GET", "/Users?filter="+strings.Repeat("(", 5000), "", http.StatusBadRequest)
	if users := d.all("/Users"); len(users) != 0 {
		t.Errorf("there are %d users", len(users))
	}
}

func aCompressedBodyIsRefused(t *testing.T, d *directory) {
	for _, encoding := range []string{"gzip", "GZIP", "deflate", "br", "gzip, identity"} {
		a, err := d.tryWith(t.Context(), "POST", "/Users", "\x1f\x8b\x08 this is no gzip", map[string]string{"Content-Encoding": encoding})
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: got %d: %s", encoding, a.status, a.raw)
		}
	}
}

func aKeyIsOnlyAKey(t *testing.T, d *directory) {
	const poison = `"__proto__":{"title":"x","polluted":true},"constructor":{"prototype":{"title":"x"}},"toString":"x","hasOwnProperty":1`
	ann := "/Users/" + d.send("POST", "/Users", aUser(poison+`,"name":{`+poison+`}`), http.StatusCreated).str("id")
	d.send("PATCH", ann, ops(`{"op":"add","value":{`+poison+`}}`), http.StatusOK)
	for _, path := range []string{"__proto__.title", "constructor.prototype", "constructor"} {
		d.send("PATCH", ann, ops(`{"op":"add","path":"`+path+`","value":"x"}`), http.StatusBadRequest)
	}
	for _, user := range []map[string]any{d.of(ann), d.of("/Users/" + d.user("bob"))} {
		for key := range user {
			if !slices.Contains([]string{"schemas", "id", "externalId", "userName", "active", "meta"}, key) {
				t.Errorf("a user has %s: %v", key, user[key])
			}
		}
	}
}

func allMembersAreShown(t *testing.T, d *directory) {
	const many = 1000
	ids := make([]string, many)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := c; i < many; i += 8 {
				a, err := d.try(t.Context(), "POST", "/Users", fmt.Sprintf(`{%s,"userName":"u%d"}`, userSchema, i))
				if err != nil || a.status != http.StatusCreated {
					t.Errorf("creating a user: %d %v %s", a.status, err, a.raw)
					return
				}
				ids[i] = a.str("id")
			}
		})
	}
	clients.Wait()
	crew := d.group("Crew", ids...)
	requireValues(t, "members read", values(d.of("/Groups/"+crew), "members", "value"), ids...)
	listed := d.of("/Groups")["Resources"].([]any)[0].(map[string]any)
	requireValues(t, "members listed", values(listed, "members", "value"), ids...)
}

func aFilterRemovesOneMember(t *testing.T, d *directory) {
	ann, bob, cy := d.user("ann"), d.user("bob"), d.user("cy")
	crew := "/Groups/" + d.group("Crew", ann, bob, cy)
	members := func() []string { return values(d.of(crew), "members", "value") }
	d.patch(crew, "remove", `members[value eq "`+ann+`"]`, nil, http.StatusNoContent)
	requireValues(t, "after ann was removed", members(), bob, cy)
	d.patch(crew, "remove", `members[value eq "`+nobody+`"]`, nil, http.StatusNoContent)
	requireValues(t, "after nobody was removed", members(), bob, cy)
	d.patch(crew, "remove", `members[display eq "cy"]`, nil, http.StatusNoContent)
	requireValues(t, "after cy was removed by name", members(), bob)
	d.patch(crew, "Remove", "members", []any{map[string]any{"value": bob}}, http.StatusNoContent)
	requireValues(t, "after bob was removed by value", members())
}

func membersAddedAtATimeAllStay(t *testing.T, d *directory) {
	var people []string
	for i := range 32 {
		people = append(people, d.user(fmt.Sprintf("p%d", i)))
	}
	crew := "/Groups/" + d.group("Crew")
	var clients sync.WaitGroup
	for _, p := range people {
		clients.Go(func() {
			a, err := d.try(t.Context(), "PATCH", crew, patchBody("add", "members", []any{map[string]any{"value": p}}))
			if err != nil || a.status != http.StatusNoContent {
				t.Errorf("adding a member: %d %v %s", a.status, err, a.raw)
			}
		})
	}
	clients.Wait()
	requireValues(t, "members", values(d.of(crew), "members", "value"), people...)
}

// Users come and go while somebody walks; whoever is there throughout is met once.
func pagesByCursorSkipNobody(t *testing.T, d *directory) {
	var stay, leave []string
	for i := range 60 {
		name := fmt.Sprintf("u%02d", i)
		if i%4 == 1 {
			leave = append(leave, d.user(name))
			continue
		}
		d.user(name)
		stay = append(stay, name)
	}
	met := map[string]int{}
	cursor := ""
	for pages := 0; ; pages++ {
		page := d.of("/Users?count=7&cursor=" + cursor)
		for _, name := range values(page, "Resources", "userName") {
			met[name]++
		}
		if cursor, _ = page["nextCursor"].(string); cursor == "" {
			break
		}
		if len(leave) > 0 {
			d.send("DELETE", "/Users/"+leave[0], "", http.StatusNoContent)
			leave = leave[1:]
		}
		d.user(fmt.Sprintf("new%d", pages))
		if pages > 100 {
			t.Fatal("the walk does not end")
		}
	}
	for _, name := range stay {
		if met[name] != 1 {
			t.Errorf("%s was met %d times", name, met[name])
		}
	}
}
