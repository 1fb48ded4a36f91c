package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

const badge = "urn:example:Badge:1.0"

// admin is the context of a call of the organization's admin.
func (i *idp) admin() context.Context {
	return rpc.WithPrincipal(i.Context(), rpc.OrganizationAdmin(i.target.GetOrganizationId(), "anna"))
}

// putSchema registers the schema badge with these attributes, as an admin.
func (i *idp) putSchema(attributes string) (*identityv1.PutSchemaResponse, error) {
	i.Helper()
	definition := &structpb.Struct{}
	must(i, definition.UnmarshalJSON([]byte(`{"id":"`+badge+`","attributes":[`+attributes+`]}`)))
	return identityv1.NewSchemaServiceClient(i.bundle.gateway).PutSchema(i.admin(), &identityv1.PutSchemaRequest{
		OrganizationId: i.target.GetOrganizationId(), DirectoryId: i.target.GetDirectoryId(), Id: badge,
		Schema: &identityv1.Schema{ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Definition: definition},
	})
}

func (i *idp) schemas() (*identityv1.ListSchemasResponse, error) {
	return identityv1.NewSchemaServiceClient(i.bundle.gateway).ListSchemas(i.admin(), &identityv1.ListSchemasRequest{
		OrganizationId: i.target.GetOrganizationId(), DirectoryId: i.target.GetDirectoryId(),
	})
}

// A definition may be many times larger with its defaults than without. It is stored and read with them.
func TestASchemaIsBoundedByWhatIsKeptOfIt(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	var many []string
	for n := range 50 {
		many = append(many, fmt.Sprintf(`{"name":"a%d"}`, n))
	}
	of := func(complexAttributes int) string {
		var all []string
		for n := range complexAttributes {
			all = append(all, fmt.Sprintf(`{"name":"c%d","type":"complex","subAttributes":[%s]}`, n, strings.Join(many, ",")))
		}
		return strings.Join(all, ",")
	}
	_, err := i.putSchema(of(7))
	must(t, err)
	_, err = i.putSchema(of(10))
	if f := refused(t, "more", err, fault.InvalidRequest); !strings.Contains(f.Error(), "it must have at most 65536") {
		t.Error("the refusal is", f)
	}
}

// IdPs read /Schemas as soon as they have the Base URL.
func TestTheSchemasOfANewDirectoryAreWaitedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	early := b.client("acme", ids.New())
	done := make(chan error)
	go func() {
		_, err := early.schemas()
		done <- err
	}()
	b.idp().user(`{"userName":"bob"}`)
	b.directories.set(&directoryv1.Directory{Id: early.target.GetDirectoryId(), OrganizationId: "acme"})
	must(t, <-done)
	_, err := setup(t, impatient).client("acme", ids.New()).schemas()
	refused(t, "those of a directory that nobody has heard of", err, fault.NotReady)
}

// After a schema was registered, every process stores its attributes.
func TestASchemaIsRegisteredForEveryProcess(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "identity", identity.Migrate)
	onURL := func(c *identity.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
	here := setup(t, onURL).idp()
	here.user(`{"userName":"anna"}`)
	there := setup(t, onURL).client("acme", here.target.GetDirectoryId())
	for n := range 3 {
		there.user(fmt.Sprintf(`{"userName":"before%d"}`, n)) // now it has cached the schemas
		color := fmt.Sprintf("color%d", n)
		_, err := here.putSchema(`{"name":"` + color + `"}`)
		must(t, err)
		made := there.user(fmt.Sprintf(`{"userName":"after%d","%s":{"%s":"red"}}`, n, badge, color))
		equal(t, "what is kept", document(t, made)[badge], any(map[string]any{color: "red"}))
	}
}
