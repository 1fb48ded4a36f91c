package identity_test

import (
	"slices"
	"testing"

	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// A value that was encoded twice is read as the inner value, so that nothing is lost, and no member stays that should go.
func TestTheTextOfAnObjectIsReadAsTheObject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, exact := b.idp(), b.idp(strict)
	id := i.user(`{"userName":"anna","emails":[{"value":"a@x.example","type":"home"}]}`).GetId()
	email := operation("replace", `emails[value eq "a@x.example"]`, `"{\"value\":\"b@x.example\",\"type\":\"work\",\"primary\":true}"`)
	r, err := i.tryPatchUser(id, email)
	must(t, err)
	equal(t, "quirks", r.GetResult().GetQuirks(), []string{"json-text-as-object"})
	equal(t, "emails", document(t, r.GetResource())["emails"], []any{map[string]any{"value": "b@x.example", "type": "work", "primary": true}})
	bob := i.user(`{"userName":"bob"}`).GetId()
	group := i.group("eng", id, bob).GetId()
	remove := operation("remove", "members", `"{\"value\":\"`+id+`\"}"`)
	i.patchGroup(group, remove)
	equal(t, "members", i.members(group), []string{bob})

	other := exact.user(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"anna","emails":[{"value":"a@x.example"}]}`).GetId()
	_, err = exact.tryPatchUser(other, email)
	refused(t, "an address, strictly", err, fault.InvalidValue)
}

// A filter in the path of a PATCH removes the members that match it as the client sees them: also by the $ref of a GET,
// which depends on the Base URL.
func TestMembersAreRemovedByEachOfTheirParts(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			i := setup(t, change).idp()
			users := i.named("anna", "bob")
			inner := i.group("inner").GetId()
			all := append(slices.Clone(users), inner)
			base := i.target.GetBaseUrl()
			for filter, want := range map[string][]string{ // the removed members
				`$ref eq "` + base + `/Users/` + users[0] + `"`:           users[:1],
				`$REF ne "` + base + `/Users/` + users[0] + `"`:           {users[1], inner},
				`$ref eq "` + base + `/Groups/` + inner + `"`:             {inner},
				`$ref sw "` + base + `/Users"`:                            users,
				`$ref ew "` + users[1] + `" or type eq "group"`:           {users[1], inner},
				`$ref eq "https://elsewhere/Users/` + users[0] + `"`:      {},
				`$ref eq "` + base + `/Groups/` + users[0] + `"`:          {},
				`$ref pr and display eq "BOB"`:                            {users[1]},
				`display ne "bob"`:                                        {users[0], inner},
				`type eq "User" and not (value eq "` + users[0] + `")`:    {users[1]},
				`value eq "` + users[0] + `" or value eq "` + inner + `"`: {users[0], inner},
				`not ($ref eq "` + base + `/Users/` + users[0] + `")`:     {users[1], inner},
				`$ref eq null`: {},
				`$ref ne null`: all,
				`$ref eq "` + base + `/Users/` + users[0] + `" and type eq "User"`: users[:1],
			} {
				id := i.group("eng", all...).GetId()
				found := i.total("Groups", `id eq "`+id+`" and members[`+filter+`]`)
				equal(t, filter+": groups that a query finds", found, min(len(want), 1))
				i.patchGroup(id, operation("remove", "members["+filter+"]", ""))
				left := slices.DeleteFunc(slices.Clone(all), func(m string) bool { return slices.Contains(want, m) })
				got := i.members(id)
				slices.Sort(left)
				slices.Sort(got)
				equal(t, filter+": the members that are left", got, left)
			}
		})
	}
}
