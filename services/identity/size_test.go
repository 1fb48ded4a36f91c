package identity_test

import (
	"fmt"
	"strings"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// smallDocuments is the least limit there is.
const smallDocuments = 64 << 10

// sized returns the body of a user of the maximum stored size, plus some bytes.
func sized(t *testing.T, more int) string {
	t.Helper()
	const body = `{"userName":"large","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"%s"}}`
	least, err := scim.UserType().New(fmt.Appendf(nil, body, "x"), scim.Options{})
	must(t, err)
	return fmt.Sprintf(body, strings.Repeat("x", smallDocuments-len(least.Document.JSON())+1+more))
}

func TestADocumentIsStoredUpToItsLimit(t *testing.T) {
	t.Parallel()
	small := func(c *identity.Config) { c.DocumentBytes = smallDocuments }
	for name, engine := range map[string]func(*testing.T) func(*identity.Config){
		"SQLite": func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} }, "PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setup(t, engine(t), small).idp()
			user := i.user(sized(t, 0)).GetId()
			other := i.named("other")[0]
			group := i.group("eng", user).GetId()
			photo := func(n int) string {
				return operation("add", "photos", fmt.Sprintf(`[{"value":"%d%s"}]`, n, strings.Repeat("x", smallDocuments/30)))
			}
			grown := 0
			for ; ; grown++ { // by many small messages
				before := i.getUser(other).GetVersion()
				if _, err := i.tryPatchUser(other, photo(grown)); err != nil {
					refused(t, "what would be too large in the end", err, fault.InvalidValue)
					equal(t, "its version", i.getUser(other).GetVersion(), before)
					break
				}
			}
			if grown < 25 || grown > 30 {
				t.Errorf("%d photos of a thirtieth of the limit were stored", grown)
			}
			state := func() string {
				return fmt.Sprint(i.total("Users", ""), i.total("Groups", ""), i.getUser(user).GetVersion(), i.getUser(other).GetVersion(), i.getGroup(group).GetVersion())
			}
			before := state()
			for _, c := range []struct {
				name string
				call func() error
				says []string
			}{
				{"a POST", func() error { _, err := i.tryUser(strings.Replace(sized(t, 1), "large", "next1", 1)); return err }, []string{"65537 bytes", "65536"}},
				{"a PUT", func() error {
					_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: user}, []byte(sized(t, 1)))
					return err
				}, []string{"65537 bytes", "65536"}},
				{"a PATCH", func() error { _, err := i.tryPatchUser(user, operation("add", "title", `"x"`)); return err }, []string{"65548 bytes", "65536"}},
				{"a PATCH of another", func() error { _, err := i.tryPatchUser(other, photo(100)); return err }, []string{"65536"}},
				{"a POST of a group", func() error {
					_, err := i.tryGroup(`{"displayName":"a","externalId":"b","urn:x:1":{},"members":[{"value":"` + user + `","x":"` + strings.Repeat("x", 200_000) + `"}]}`)
					return err
				}, nil},
				{"values of a message", func() error {
					_, err := i.tryUser(`{"userName":"a","x":[` + strings.Repeat("0,", 20_000) + `0]}`)
					return err
				}, []string{"x: ", "20000 values"}},
				{"values of a PATCH", func() error {
					_, err := i.tryPatchUser(user, operation("add", "", `{"x":[`+strings.Repeat("0,", 20_000)+`0]}`))
					return err
				}, []string{"x: ", "20000 values"}},
			} {
				err := c.call()
				if c.says == nil {
					must(t, err)
					before = state()
					continue
				}
				f := refused(t, c.name, err, fault.InvalidValue)
				for _, say := range c.says {
					if !strings.Contains(f.Message, say) {
						t.Errorf("%s: %q does not say %q", c.name, f.Message, say)
					}
				}
				equal(t, "what there is after "+c.name, state(), before)
			}
			equal(t, "the members", i.members(group), []string{user})
			_, err := i.tryPatchUser(user, operation("replace", "active", "false"))
			must(t, err) // although this makes it larger
			_, err = i.tryUser(`{"userName":"b","x":[` + strings.Repeat("0,", 19_990) + `0]}`)
			must(t, err)
		})
	}
}

// A document that was stored under a larger limit can be read, and can be made smaller.
func TestADocumentBeyondTheLimitMayOnlyShrink(t *testing.T) {
	t.Parallel()
	database := onPostgres(t)
	larger := setup(t, database, func(c *identity.Config) { c.DocumentBytes = 2 * smallDocuments }).idp()
	user := larger.user(sized(t, 1000)).GetId()
	i := setup(t, database, func(c *identity.Config) { c.DocumentBytes = smallDocuments }).client("acme", larger.target.GetDirectoryId())
	equal(t, "whether it is read", len(i.getUser(user).GetDocument()) > smallDocuments, true)
	_, err := i.tryPatchUser(user, operation("add", "title", `"x"`))
	refused(t, "one that grows", err, fault.InvalidValue)
	const department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
	_, err = i.tryPatchUser(user, operation("replace", department, `"`+strings.Repeat("y", 60_000)+`"`), operation("add", "title", `"x"`))
	must(t, err)
}
