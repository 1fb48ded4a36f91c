package identity_test

import (
	"slices"
	"testing"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

func TestAUserIsReadAsItWasCreated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	r, err := i.tryUser(`{"userName":"Anna","externalId":"e1","emails":[{"value":"a@example.com","type":"work"}],"meta":{"version":"x"}}`)
	must(t, err)
	made := r.GetResource()
	d := document(t, made)
	equal(t, "id", d["id"], made.GetId())
	equal(t, "userName", d["userName"], "Anna")
	equal(t, "version", made.GetVersion(), 1)
	meta := d["meta"].(map[string]any)
	equal(t, "location", meta["location"], i.target.GetBaseUrl()+"/Users/"+made.GetId())
	equal(t, "ETag", meta["version"], `W/"1"`)
	equal(t, "what was ignored", r.GetResult().GetIgnored(), []string{"meta"})
	equal(t, "adopted", r.GetResult().GetAdopted(), false)
	equal(t, "the cursor", r.GetResult().GetChangeCursor(), b.end())
	got := i.getUser(made.GetId())
	equal(t, "as read", string(got.GetDocument()), string(made.GetDocument()))
	equal(t, "its creation", got.GetCreateTime().AsTime(), made.GetCreateTime().AsTime())
}

func TestUsersWhoseNamesDifferByCaseAreTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, other := b.idp(), b.idp()
	i.user(`{"userName":"Straße","externalId":"e1"}`)
	second := i.user(`{"userName":"second"}`)
	before := b.end()
	for name, try := range map[string]func() error{
		"a userName in another case": func() error { _, err := i.tryUser(`{"userName":"STRAẞE"}`); return err },
		"an externalId":              func() error { _, err := i.tryUser(`{"userName":"x","externalId":"e1"}`); return err },
		"a renaming": func() error {
			_, err := i.tryPatchUser(second.GetId(), operation("replace", "userName", `"strAße"`))
			return err
		},
	} {
		f := refused(t, name, try(), fault.Uniqueness)
		if f.Metadata["attribute"] == "" {
			t.Errorf("%s: the error does not name the attribute", name)
		}
	}
	equal(t, "the feed's end", b.end(), before)
	other.user(`{"userName":"straße","externalId":"e1"}`)
}

func TestIfMatchDecidesOverWrites(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	writes := map[string]func(id string, versions []int64) error{
		"replace": func(id string, versions []int64) error {
			_, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: id, IfMatch: versions}, []byte(`{"userName":"`+id+`"}`))
			return err
		},
		"patch": func(id string, versions []int64) error {
			_, err := i.write(i.users, &identityv1.Write{Operation: patch, Id: id, IfMatch: versions}, patchOp(operation("add", "title", `"x"`)))
			return err
		},
		"a patch that changes nothing": func(id string, versions []int64) error {
			_, err := i.write(i.users, &identityv1.Write{Operation: patch, Id: id, IfMatch: versions}, patchOp(operation("remove", "nickName", "")))
			return err
		},
		"delete": func(id string, versions []int64) error {
			_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: id, IfMatch: versions})
			return err
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			id := i.user(`{"userName":"of ` + name + `"}`).GetId()
			_, err := i.tryPatchUser(id, operation("add", "nickName", `"second version"`))
			must(t, err)
			before := b.end()
			f := refused(t, "a version that is gone", write(id, []int64{1, 3}), fault.Conflict)
			if v, ok := f.Metadata["version"]; ok && v != `W/"2"` {
				t.Errorf("the error says that the version is %s", v)
			}
			equal(t, "the feed's end", b.end(), before)
			must(t, write(id, []int64{1, 2}))
		})
	}
}

func TestAWriteWithoutChangesWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	const body = `{"userName":"anna","active":true,"emails":[{"value":"a@example.com","type":"work"}]}`
	made := i.user(body)
	before := b.end()
	patched, err := i.tryPatchUser(made.GetId(),
		operation("replace", "active", "true"), operation("add", "emails", `[{"value":"a@example.com","type":"work"}]`),
		operation("remove", "title", ""), operation("add", "title", `"x"`), operation("remove", "title", ""))
	must(t, err)
	replaced, err := i.write(i.users, &identityv1.Write{Operation: replace, Id: made.GetId()}, []byte(body))
	must(t, err)
	for name, got := range map[string]struct {
		*identityv1.Resource
		*identityv1.WriteResult
	}{"patch": {patched.GetResource(), patched.GetResult()}, "replace": {replaced.GetResource(), replaced.GetResult()}} {
		equal(t, name+": version", got.GetVersion(), 1)
		equal(t, name+": cursor", got.GetChangeCursor(), "")
		equal(t, name+": document", string(got.GetDocument()), string(made.GetDocument()))
	}
	equal(t, "the feed's end", b.end(), before)
}

func TestAPatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	made := i.user(`{"userName":"anna"}`)
	before := b.end()
	_, err := i.tryPatchUser(made.GetId(), operation("add", "title", `"x"`), operation("replace", "userName", `""`))
	refused(t, "an operation that fails", err, fault.InvalidValue)
	equal(t, "the user", string(i.getUser(made.GetId()).GetDocument()), string(made.GetDocument()))
	equal(t, "the feed's end", b.end(), before)
}

func TestThePatchedUserCanBeLeftOut(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	id := i.user(`{"userName":"anna"}`).GetId()
	r, err := i.write(i.users, &identityv1.Write{Operation: patch, Id: id, OmitResource: true}, patchOp(operation("add", "title", `"x"`)))
	must(t, err)
	equal(t, "the document", len(r.GetResource().GetDocument()), 0)
	equal(t, "the version", r.GetResource().GetVersion(), 2)
}

func TestADeletedUserThatComesBackIsANewOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	const body = `{"userName":"anna","externalId":"e1"}`
	id := i.user(body).GetId()
	_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: id})
	must(t, err)
	_, err = i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: id})
	refused(t, "reading", err, fault.NotFound)
	_, err = i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: id})
	refused(t, "deleting again", err, fault.NotFound)
	r, err := i.tryUser(body)
	must(t, err)
	if r.GetResource().GetId() == id || r.GetResult().GetAdopted() {
		t.Errorf("it came back as %s, adopted: %v", r.GetResource().GetId(), r.GetResult().GetAdopted())
	}
}

func TestDeletingAUserTakesItOutOfItsGroups(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	users := i.named("anna", "bob")
	g := i.group("eng", users...)
	_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: users[0]})
	must(t, err)
	equal(t, "the members", i.members(g.GetId()), users[1:])
	equal(t, "the group's version", i.getGroup(g.GetId()).GetVersion(), g.GetVersion()+1)
}

func TestAUserShowsItsGroupsNestedOnesToo(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	users := i.named("anna")
	inner := i.group("inner", users...).GetId()
	outer := i.group("outer", inner).GetId()
	groups := document(t, i.getUser(users[0]))["groups"].([]any)
	equal(t, "how many", len(groups), 2)
	for n, want := range []struct{ id, display, kind string }{{inner, "inner", "direct"}, {outer, "outer", "indirect"}} {
		g := groups[n].(map[string]any)
		equal(t, "group", []any{g["value"], g["display"], g["type"], g["$ref"]},
			[]any{want.id, want.display, want.kind, i.target.GetBaseUrl() + "/Groups/" + want.id})
	}
}

func TestProjectionsChooseWhatIsShown(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	id := i.user(`{"userName":"anna","title":"x","name":{"givenName":"A","familyName":"B"}}`).GetId()
	i.group("eng", id)
	for _, c := range []struct {
		name       string
		projection *identityv1.Projection
		want       []string
	}{
		{"some attributes", &identityv1.Projection{Attributes: []string{"title", "name.givenName"}}, []string{"id", "name", "schemas", "title"}},
		{"all but some", &identityv1.Projection{ExcludedAttributes: []string{"name", "groups", "meta"}}, []string{"id", "schemas", "title", "userName"}},
		{"groups", &identityv1.Projection{Attributes: []string{"groups"}}, []string{"groups", "id", "schemas"}},
	} {
		r, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: id, Projection: c.projection})
		must(t, err)
		d := document(t, r.GetResource())
		for _, key := range c.want {
			if _, ok := d[key]; !ok {
				t.Errorf("%s: %s is missing in %s", c.name, key, r.GetResource().GetDocument())
			}
		}
		for key := range d {
			if !slices.Contains(c.want, key) {
				t.Errorf("%s: %s is in %s", c.name, key, r.GetResource().GetDocument())
			}
		}
	}
}
