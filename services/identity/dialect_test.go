package identity_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// messageCounts lists the counts of a directory as "name count", ignored values after quirks.
func (i *idp) messageCounts() []string {
	i.Helper()
	r, err := i.bundle.dialect.ListQuirks(i.bundle.admin(), &identityv1.ListQuirksRequest{
		OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(),
	})
	must(i, err)
	all := []string{}
	for _, q := range r.GetQuirks() {
		if q.GetMeaning() == "" || !strings.HasPrefix(q.GetSpecification(), "RFC 764") || q.GetFirstTime().AsTime().After(q.GetLastTime().AsTime()) {
			i.Errorf("the quirk %v explains nothing", q)
		}
		all = append(all, fmt.Sprint(q.GetName(), " ", q.GetMessageCount()))
	}
	for _, v := range r.GetIgnoredValues() {
		all = append(all, fmt.Sprint("ignored ", v.GetPath(), " ", v.GetMessageCount()))
	}
	return all
}

func TestQuirksAreCountedByMessage(t *testing.T) {
	t.Parallel()
	for engine, change := range map[string]func(*identity.Config){"sqlite": func(*identity.Config) {}, "postgres": onPostgres(t)} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, change)
			i, other := b.idp(), b.idp()
			const schemas = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],`
			other.user(`{` + schemas + `"userName":"anna"}`)
			equal(t, "of nothing odd", other.messageCounts(), []string{})
			id := i.user(`{` + schemas + `"userName":"anna","active":"True","zip":"1"}`).GetId()
			for _, title := range []string{"a", "a", "b"} { // also a message that changes nothing
				_, err := i.write(i.users, &identityv1.Write{Operation: patch, Id: id}, patchOp(
					operation("Replace", "title", `"`+title+`"`), operation("Add", "nickName", `"x"`), operation("add", "", `{"id":"x"}`),
				))
				must(t, err)
			}
			_, err := i.write(i.users, &identityv1.Write{Operation: patch, Id: id}, patchOp(operation("Replace", "zip", `"x"`)))
			refused(t, "a path to nothing", err, fault.InvalidPath)
			equal(t, "then", i.messageCounts(), []string{"boolean-as-string 1", "op-capitalised 3", "ignored id 3", "ignored zip 1"})
			equal(t, "asked again", i.messageCounts(), []string{"boolean-as-string 1", "op-capitalised 3", "ignored id 3", "ignored zip 1"})
			equal(t, "of another directory", other.messageCounts(), []string{})
		})
	}
}

func TestAQuirkNamesItsLastMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	for _, id := range []string{"first", "last"} {
		_, err := i.resources.WriteResource(rpc.WithMessageID(i.ctx(), id), &identityv1.WriteResourceRequest{
			Target:   i.users,
			Write:    &identityv1.Write{Operation: create},
			Document: []byte(`{"userName":"` + id + `"}`),
		})
		must(t, err)
	}
	r, err := b.dialect.ListQuirks(b.admin(), &identityv1.ListQuirksRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()})
	must(t, err)
	equal(t, "quirks", len(r.GetQuirks()), 1)
	equal(t, "the message", r.GetQuirks()[0].GetLastMessageId(), "last")
	equal(t, "how many", r.GetQuirks()[0].GetMessageCount(), 2)
}

func TestQuirksOfAnotherOrganizationAreNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idpOf("other")
	i.user(`{"userName":"anna"}`)
	for what, r := range map[string]*identityv1.ListQuirksRequest{
		"another's directory under one's own name": {OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()},
		"a directory that is none":                 {OrganizationId: "acme", DirectoryId: ids.New()},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel() // each waits for a directory that may be new
			_, err := b.dialect.ListQuirks(b.admin(), r)
			refused(t, what, err, fault.NotReady)
		})
	}
	_, err := b.dialect.ListQuirks(b.admin(), &identityv1.ListQuirksRequest{OrganizationId: "other", DirectoryId: i.target.GetDirectoryId()})
	refused(t, "another organization", err, fault.NotAllowed)
}

// The gathered counts are stored when the service stops.
func TestQuirksOutliveTheProcess(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/identity.db"
	var scope *identityv1.Target
	t.Run("before", func(t *testing.T) {
		b := setup(t, func(c *identity.Config) { c.DatabasePath = path })
		i := b.idp()
		scope = i.target
		i.user(`{"userName":"anna"}`)
	})
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	service, err := identity.New(t.Context(), identity.Config{Settings: identity.Defaults(), DatabasePath: path}, identity.Dependencies{
		Directory: channel.As(commonv1.Caller_CALLER_IDENTITY), Log: slog.New(slog.DiscardHandler),
		Tracing: noop.NewTracerProvider(), Now: time.Now,
	})
	must(t, err)
	t.Cleanup(func() { must(t, service.Close()) })
	service.Register(channel)
	operator := rpc.WithPrincipal(context.Background(), rpc.Operator("operator"))
	r, err := identityv1.NewDialectServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY)).ListQuirks(operator,
		&identityv1.ListQuirksRequest{OrganizationId: "acme", DirectoryId: scope.GetDirectoryId()})
	must(t, err)
	equal(t, "quirks", len(r.GetQuirks()), 1)
}

// An admin registers the suggested schemas as they are. Then Usher keeps what it ignored before.
func TestSchemasAreSuggestedForIgnoredAttributes(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(b *bundle) {
		i := b.idp()
		const badge = `"urn:acme:Badge:2.0:User":{"color":"red","Floors":[1,2.5],"valid":true,"door":{"code":"x","open":false,"deep":{"er":1}},
			"keys":[null,{"value":"k"},{"value":"l"}],"none":null,"empty":[],"nested":[["a"]],"not a name":1},"urn:acme:Badge:2.0:User:size":"L",
			"urn:acme:Badge:2.0:User:home.city":"Rome","urn:acme:Badge:2.0:User:x":{"within":"the other"}`
		user := func(name, more string) string {
			return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `",` + badge + more + `}`
		}
		const group = `"urn:acme:Team:1.0:Group":{"cost":"7"}}`
		list := func() (*identityv1.ListQuirksResponse, map[string]int64) {
			r, err := b.dialect.ListQuirks(b.admin(), &identityv1.ListQuirksRequest{OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId()})
			must(b, err)
			ignored := map[string]int64{}
			for _, v := range r.GetIgnoredValues() {
				ignored[v.GetPath()] = v.GetMessageCount()
			}
			return r, ignored
		}
		i.user(user("anna", `,"zip":"1","urn:ietf:params:scim:schemas:core:2.0:Extra":{"a":"reserved"},"urn:acme:Other":"bare","urn:acme:Mixed:User":{"m":1}`))
		i.user(`{"userName":"bob","urn:acme:Mixed:User":{"m":"1"},"urn:acme:badge:2.0:user":{"keys":{"value":"one"},"COLOR":"blue"}}`)
		_, err := i.tryGroup(`{"displayName":"eng",` + group)
		must(b, err)
		before, ignored := list()
		equal(b, "an attribute without a URN", ignored["zip"], 1)
		equal(b, "an extension", ignored["urn:acme:Badge:2.0:User"], 1)

		schemas := identityv1.NewSchemaServiceClient(b.gateway)
		var all []string
		for _, s := range before.GetSuggestedSchemas() {
			all = append(all, s.GetId()+" "+s.GetResourceType().String())
			_, err := schemas.PutSchema(b.admin(), &identityv1.PutSchemaRequest{
				OrganizationId: "acme", DirectoryId: i.target.GetDirectoryId(), Id: s.GetId(),
				Schema: &identityv1.Schema{ResourceType: s.GetResourceType(), Definition: s.GetDefinition()},
			})
			must(b, err)
		}
		equal(b, "the schemas", all, []string{
			"urn:acme:Badge:2.0:User RESOURCE_TYPE_USER", "urn:acme:Team:1.0:Group RESOURCE_TYPE_GROUP",
		})
		after, _ := list()
		equal(b, "suggested once they are registered", len(after.GetSuggestedSchemas()), 0)

		carl := i.user(user("carl", ""))
		team, err := i.tryGroup(`{"displayName":"ops",` + group)
		must(b, err)
		for _, kept := range []string{
			`"color":"red"`, `"Floors":[1,2.5]`, `"valid":true`, `"door":{"code":"x","open":false}`, `"keys":[{"value":"k"},{"value":"l"}]`, `"size":"L"`,
			`"home":{"city":"Rome"}`,
		} {
			if !strings.Contains(string(carl.GetDocument()), kept) {
				b.Errorf("%s is not in %s", kept, carl.GetDocument())
			}
		}
		if document := team.GetResource().GetDocument(); !strings.Contains(string(document), `"cost":"7"`) {
			b.Errorf("the group is %s", document)
		}
		_, now := list()
		for path, count := range now {
			if count > ignored[path] && !slices.Contains(cannotBeKept, path) {
				b.Errorf("%s is ignored although its schema is registered", path)
			}
		}
	})
}

// cannotBeKept are attributes that no schema can have, that had no value, or whose URN begins with another extension's.
var cannotBeKept = []string{
	"urn:acme:Badge:2.0:User:none", "urn:acme:Badge:2.0:User:empty", "urn:acme:Badge:2.0:User:nested", "urn:acme:Badge:2.0:User:not a name",
	"urn:acme:Badge:2.0:User:door.deep", "urn:acme:Badge:2.0:User:x",
}
