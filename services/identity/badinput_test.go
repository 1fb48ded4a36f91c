package identity_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

// TestBadInputIsRefusedWithItsReasonAndWritesNothing checks every way to send a document, operations or a query.
func TestBadInputIsRefusedWithItsReasonAndWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	user := i.user(`{"userName":"anna"}`).GetId()
	group := i.group("eng", user).GetId()
	before := b.end()

	type attempt struct {
		name string
		call func(i *idp) error
		want fault.Reason
	}
	var attempts []attempt
	userBody := func(name, body string, want fault.Reason) {
		attempts = append(attempts,
			attempt{"create a user with " + name, func(i *idp) error { _, err := i.tryUser(body); return err }, want},
			attempt{"replace a user with " + name, func(i *idp) error {
				_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: user}, []byte(body))
				return err
			}, want})
	}
	groupBody := func(name, body string, want fault.Reason) {
		attempts = append(attempts,
			attempt{"create a group with " + name, func(i *idp) error { _, err := i.tryGroup(body); return err }, want},
			attempt{"replace a group with " + name, func(i *idp) error {
				_, err := i.write(i.groups, &identityv1.Write{Operation: replace, Id: group}, []byte(body))
				return err
			}, want})
	}
	patch := func(name, op, path, value string, want fault.Reason) {
		attempts = append(attempts, attempt{"patch a user: " + name, func(i *idp) error {
			_, err := i.tryPatchUser(user, operation("add", "title", `"never kept"`), operation(op, path, value))
			return err
		}, want})
	}
	patchGroup := func(name, op, path, value string, want fault.Reason) {
		attempts = append(attempts, attempt{"patch a group: " + name, func(i *idp) error {
			_, err := i.tryPatchGroup(group, operation("replace", "displayName", `"never kept"`), operation(op, path, value))
			return err
		}, want})
	}
	filter := func(name, text string) {
		attempts = append(attempts,
			attempt{"list users by " + name, func(i *idp) error {
				_, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.users, Query: &identityv1.ListQuery{Filter: text}})
				return err
			}, fault.InvalidFilter},
			attempt{"list groups by " + name, func(i *idp) error {
				_, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.groups, Query: &identityv1.ListQuery{Filter: text, Count: proto.Int64(0)}})
				return err
			}, fault.InvalidFilter})
	}

	for _, body := range []func(name, body string, want fault.Reason){userBody, groupBody} {
		body("no body", ``, fault.InvalidSyntax)
		body("text that is no JSON", `{"userName"`, fault.InvalidSyntax)
		body("an array", `[]`, fault.InvalidSyntax)
		body("two values", `{} {}`, fault.InvalidSyntax)
		body("arrays nested too deep", `{"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`, fault.InvalidSyntax)
		body("none of what is required", `{}`, fault.InvalidValue)
	}
	userBody("an empty userName", `{"userName":""}`, fault.InvalidValue)
	userBody("a userName that is an object", `{"userName":{}}`, fault.InvalidValue)
	userBody("a userName that is too long", `{"userName":"`+strings.Repeat("x", 2000)+`"}`, fault.InvalidValue)
	userBody("a wrong boolean", `{"userName":"x","active":"perhaps"}`, fault.InvalidValue)
	userBody("e-mails that are a number", `{"userName":"x","emails":7}`, fault.InvalidValue)
	groupBody("an empty displayName", `{"displayName":""}`, fault.InvalidValue)
	groupBody("members without a value", `{"displayName":"x","members":[{"display":"anna"}]}`, fault.InvalidValue)
	groupBody("members that do not exist", `{"displayName":"x","members":[{"value":"`+ids.New()+`"}]}`, fault.InvalidValue)
	groupBody("members that are a number", `{"displayName":"x","members":7}`, fault.InvalidValue)

	patch("an unknown op", "move", "title", `"x"`, fault.InvalidSyntax)
	patch("an unknown attribute", "add", "zip", `"x"`, fault.InvalidPath)
	patch("a path that is none", "add", "a b", `"x"`, fault.InvalidPath)
	patch("a filter that is none", "add", "emails[type is 7]", `"x"`, fault.InvalidFilter)
	patch("a read-only attribute", "replace", "id", `"x"`, fault.Mutability)
	patch("the groups of a user", "add", "groups", `[{"value":"x"}]`, fault.Mutability)
	patch("a value that is no JSON", "add", "title", `{`, fault.InvalidSyntax)
	patch("no value", "add", "title", ``, fault.InvalidValue)
	patch("a value of another type", "add", "title", `{}`, fault.InvalidValue)
	patch("a remove without a path", "remove", "", ``, fault.NoTarget)
	patch("a remove of what is required", "remove", "userName", ``, fault.Mutability)
	patch("a replace of a missing value", "replace", `emails[value eq "x"]`, `{"type":"work"}`, fault.NoTarget)
	patchGroup("a member that does not exist", "add", "members", `[{"value":"nobody"}]`, fault.InvalidValue)
	patchGroup("the group itself", "add", "members", `[{"value":"`+group+`"}]`, fault.InvalidValue)
	patchGroup("an unknown attribute", "add", "zip", `"x"`, fault.InvalidPath)
	patchGroup("members by a filter that is none", "remove", `members[zip eq "x"]`, ``, fault.InvalidFilter)
	patchGroup("a remove of the name", "remove", "displayName", ``, fault.Mutability)

	filter("no filter of the grammar", `userName = "x"`)
	filter("an attribute that there is none of", `zip eq "x"`)
	filter("too deep a filter", strings.Repeat("(", 40)+"id pr"+strings.Repeat(")", 40))
	filter("the password", `password eq "x"`)

	attempts = append(attempts, []attempt{
		{"a target without an organization", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: &identityv1.Target{DirectoryId: i.target.GetDirectoryId()}, Id: user})
			return err
		}, fault.NotAllowed},
		{"no target", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Id: user})
			return err
		}, fault.NotAllowed},
		{"a target of no type", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.target, Id: user})
			return err
		}, fault.InvalidRequest},
		{"a write of no operation", func(i *idp) error {
			_, err := i.write(i.users, &identityv1.Write{Id: user}, []byte(`{"userName":"new"}`))
			return err
		}, fault.InvalidRequest},
		{"an id that is too long", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: strings.Repeat("x", 201)})
			return err
		}, fault.InvalidRequest},
		{"an id that is none", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: "' OR 1=1 --"})
			return err
		}, fault.NotFound},
		{"a group's id for a user", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: group})
			return err
		}, fault.NotFound},
		{"attributes that can't be names", func(i *idp) error {
			_, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: user, Projection: &identityv1.Projection{Attributes: []string{"a b"}}})
			return err
		}, fault.InvalidValue},
		{"attributes and excludedAttributes", func(i *idp) error {
			_, err := i.tryGroupWith(`{"displayName":"new"}`, &identityv1.Projection{Attributes: []string{"id"}, ExcludedAttributes: []string{"members"}})
			return err
		}, fault.InvalidValue},
		{"too many versions", func(i *idp) error {
			_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: user, IfMatch: make([]int64, 21)})
			return err
		}, fault.InvalidRequest},
		{"too many operations", func(i *idp) error {
			operations := make([]string, 1001)
			for n := range operations {
				operations[n] = operation("add", "title", `"x"`)
			}
			_, err := i.tryPatchUser(user, operations...)
			return err
		}, fault.InvalidValue},
		{"a page size that is negative", func(i *idp) error {
			_, err := b.feed.ListChanges(i.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", PageSize: -1})
			return err
		}, fault.InvalidRequest},
	}...)
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			f := refused(t, a.name, a.call(i), a.want)
			if f.Message == "" || strings.Contains(f.Message, "invalidValue:") {
				t.Errorf("the message is not for people: %q", f.Message)
			}
		})
	}
	equal(t, "the feed's end", b.end(), before)
	equal(t, "users", i.total("Users", ""), 1)
	equal(t, "groups", i.total("Groups", ""), 1)
}

func (i *idp) tryGroupWith(body string, projection *identityv1.Projection) (*identityv1.WriteResourceResponse, error) {
	return i.write(i.groups, &identityv1.Write{Operation: create, Projection: projection}, []byte(body))
}

func TestStrictModeRefusesWhatTolerantModeReads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tolerant, strict := b.idp(), b.idp(strict)
	const core = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],`
	for name, body := range map[string]string{
		"a boolean as a string": `{` + core + `"userName":"a","active":"True"}`,
		"an unknown attribute":  `{` + core + `"userName":"b","zip":"x"}`,
		"no schemas":            `{"userName":"c"}`,
	} {
		_, err := tolerant.tryUser(body)
		must(t, err)
		if _, err := strict.tryUser(body); err == nil {
			t.Errorf("%s: strict mode took it", name)
		}
	}
	_, err := strict.tryUser(`{` + core + `"userName":"d"}`)
	must(t, err)
}
