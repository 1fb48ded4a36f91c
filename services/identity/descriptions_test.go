package identity_test

import (
	"strings"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// describe reads the description with an id, or all of them.
func (i *idp) describe(of identityv1.ListDescriptionsRequest_Endpoint, id string) ([]*identityv1.Description, error) {
	r, err := i.resources.ListDescriptions(i.ctx(), &identityv1.ListDescriptionsRequest{Target: i.target, Endpoint: of, Id: id})
	return r.GetDescriptions(), err
}

func TestRegisteredSchemasAreDescribed(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	_, err := i.putSchema(`{"name":"color"}`)
	must(t, err)
	const types, schemas = identityv1.ListDescriptionsRequest_ENDPOINT_RESOURCE_TYPES, identityv1.ListDescriptionsRequest_ENDPOINT_SCHEMAS
	for _, c := range []struct {
		of   identityv1.ListDescriptionsRequest_Endpoint
		path string
		want []string
	}{
		{types, "/ResourceTypes/", []string{"User", "Group"}},
		{schemas, "/Schemas/", []string{scim.UserSchema, scim.EnterpriseUserSchema, badge, scim.GroupSchema}},
	} {
		all, err := i.describe(c.of, "")
		must(t, err)
		equal(t, "how many there are", len(all), len(c.want))
		for n, id := range c.want {
			if location := `"` + i.target.GetBaseUrl() + c.path + id + `"`; !strings.Contains(string(all[n].GetDocument()), location) {
				t.Errorf("%s is not at %s: %s", id, location, all[n].GetDocument())
			}
			one, err := i.describe(c.of, id)
			must(t, err)
			equal(t, id, one, all[n:n+1])
		}
	}
	// URNs compare without regard to case, and names do not.
	one, err := i.describe(schemas, strings.ToUpper(badge))
	must(t, err)
	equal(t, "its id", one[0].GetId(), badge)
	if text := string(one[0].GetDocument()); !strings.Contains(text, `"mutability":"readWrite"`) {
		t.Errorf("the schema lacks its defaults: %s", text)
	}
	_, err = i.describe(types, "user")
	refused(t, "a name in another case", err, fault.NotFound)
	_, err = i.describe(schemas, "User")
	refused(t, "a type for a schema", err, fault.NotFound)
	_, err = i.describe(0, "")
	refused(t, "nothing", err, fault.InvalidRequest)
	user, err := i.describe(types, "User")
	must(t, err)
	if text := string(user[0].GetDocument()); !strings.Contains(text, badge) {
		t.Errorf("users are extended by %s", text)
	}

	found, err := i.across(&identityv1.ListQuery{Filter: badge + `:color pr`}, nil)
	must(t, err)
	equal(t, "a filter of the root by it", found.GetTotalResults(), 0)
}
