package identity_test

import (
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
)

// A message without `active` leaves an inactive user inactive: in the response to a GET, in filters, and in the facts for
// other services. The user's access depends on it.
// Invariant 13.
func TestAMessageWithoutActiveActivatesNobody(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			replaced := func(i *idp, id, document string) error {
				_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: id}, []byte(document))
				return err
			}
			patched := func(operations ...string) func(*idp, string) error {
				return func(i *idp, id string) error {
					_, err := i.tryPatchUser(id, operations...)
					return err
				}
			}
			old := b.idp()
			users := map[string]func(i *idp, id string) error{
				"put":     func(i *idp, id string) error { return replaced(i, id, `{"userName":"put"}`) },
				"nulled":  patched(operation("replace", "active", "null")),
				"removed": patched(operation("remove", "active", "")),
				"undone":  patched(operation("replace", "active", "true"), operation("remove", "active", "")),
			}
			isInactive := func(what string, i *idp, id, name string) {
				t.Helper()
				equal(t, what+": active", document(t, i.getUser(id))["active"], false)
				equal(t, what+": found as inactive", i.total("Users", `active eq false and userName eq "`+name+`"`), 1)
				equal(t, what+": found as active", i.total("Users", `active eq true and userName eq "`+name+`"`), 0)
				facts, err := b.reads.BatchGetUsers(t.Context(), &identityv1.BatchGetUsersRequest{OrganizationId: "acme", Ids: []string{id}})
				must(t, err)
				equal(t, what+": for other services", facts.GetUsers()[0].GetActive(), false)
			}
			ids := map[string]string{}
			for name, silence := range users {
				id := old.user(`{"userName":"` + name + `","active":false}`).GetId()
				must(t, silence(old, id))
				isInactive(name, old, id, name)
				version := old.getUser(id).GetVersion()
				must(t, silence(old, id))
				equal(t, name+": version after the same again", old.getUser(id).GetVersion(), version)
				ids[name] = id
			}
			old.deleteDirectory()
			i := b.idp(replacing(old))
			for name, id := range ids {
				r, err := i.tryUser(`{"userName":"` + name + `"}`)
				must(t, err)
				equal(t, name+": adopted", r.GetResource().GetId(), id)
				equal(t, name+": as it is answered", document(t, r.GetResource())["active"], false)
				isInactive(name+" adopted", i, id, name)
				must(t, replaced(i, id, `{"userName":"`+name+`","active":"True"}`))
				equal(t, name+": after True", document(t, i.getUser(id))["active"], true)
				must(t, replaced(i, id, `{"userName":"`+name+`"}`))
				equal(t, name+": a PUT that says nothing of an active user", i.total("Users", `active eq true and userName eq "`+name+`"`), 1)
			}
			fresh, err := i.tryUser(`{"userName":"fresh"}`)
			must(t, err)
			equal(t, "adopted", fresh.GetResult().GetAdopted(), false)
			equal(t, "a new user that says nothing", i.total("Users", `active eq true and userName eq "fresh"`), 1)
		})
	}
}
