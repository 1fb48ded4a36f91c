package identity_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// writeParts sends the first request of a write, and then parts of a document.
func (i *idp) writeParts(first *identityv1.WriteResourceStreamRequest, parts ...string) (*identityv1.WriteResourceStreamResponse, error) {
	i.Helper()
	stream, err := i.resources.WriteResourceStream(i.ctx())
	must(i, err)
	first.Target = i.groups
	must(i, stream.Send(first))
	for _, part := range parts {
		if err := stream.Send(&identityv1.WriteResourceStreamRequest{Target: i.groups, Part: []byte(part)}); errors.Is(err, io.EOF) {
			break // the write was refused
		} else if err != nil {
			i.Fatal(err)
		}
	}
	return stream.CloseAndRecv()
}

// readParts reads a group to its end.
func (i *idp) readParts(request *identityv1.ReadResourceStreamRequest) (resource *identityv1.Resource, err error) {
	i.Helper()
	if request.Target == nil {
		request.Target = i.groups
	}
	stream, err := i.resources.ReadResourceStream(i.ctx(), request)
	must(i, err)
	first, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	resource = first.GetResource()
	for {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return resource, nil
		}
		must(i, err)
		resource.Document = append(resource.Document, next.GetPart()...)
	}
}

func TestAGroupIsWrittenAndReadInParts(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	users := i.named("anna", "bob")
	body := groupDocument("eng", users...)
	size := int64(len(body))
	created, err := i.writeParts(&identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: create}, Size: size, Part: []byte(body[:10])},
		body[10:20], body[20:])
	must(t, err)
	id := created.GetResource().GetId()
	equal(t, "as read", string(i.getGroup(id).GetDocument()), string(created.GetResource().GetDocument()))
	read, err := i.readParts(&identityv1.ReadResourceStreamRequest{Id: id})
	must(t, err)
	equal(t, "in parts", string(read.GetDocument()), string(created.GetResource().GetDocument()))
	equal(t, "its version", read.GetVersion(), created.GetResource().GetVersion())

	body = groupDocument("ops", users[1])
	replaced, err := i.writeParts(&identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: replace, Id: id, IfMatch: []int64{1}}, Size: 1000}, body)
	must(t, err)
	equal(t, "who stayed", values(document(t, replaced.GetResource()), "members"), users[1:])

	body = `{"Operations":[{"op":"add","path":"members","value":` + memberValues(users[:1]) + `}]}`
	patched, err := i.writeParts(&identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: patch, Id: id, OmitResource: true}, Size: 1000}, body)
	must(t, err)
	equal(t, "what a PATCH answers", string(patched.GetResource().GetDocument()), "")
	slices.Sort(users)
	equal(t, "who is in it", i.members(id), users)
}

func TestAUserIsWrittenAndReadInParts(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	stream, err := i.resources.WriteResourceStream(i.ctx())
	must(t, err)
	body := `{"userName":"anna"}`
	must(t, stream.Send(&identityv1.WriteResourceStreamRequest{
		Target: i.users, Write: &identityv1.Write{Operation: create}, Size: int64(len(body)), Part: []byte(body[:5]),
	}))
	must(t, stream.Send(&identityv1.WriteResourceStreamRequest{Target: i.users, Part: []byte(body[5:])}))
	created, err := stream.CloseAndRecv()
	must(t, err)
	id := created.GetResource().GetId()
	read, err := i.readParts(&identityv1.ReadResourceStreamRequest{Target: i.users, Id: id})
	must(t, err)
	equal(t, "in parts", string(read.GetDocument()), string(i.getUser(id).GetDocument()))
}

// The names of resource types are case-sensitive.
func TestAResourceTypeThatDoesNotExistIsRefusedByName(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	target := proto.CloneOf(i.users)
	target.ResourceType = "user"
	_, err := i.write(target, &identityv1.Write{Operation: create}, []byte(`{"userName":"anna"}`))
	f := refused(t, "a user of another type", err, fault.InvalidRequest)
	equal(t, "the field", f.Fields[0].Path, "target.resource_type")
}

func TestAWriteInPartsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	id := i.group("eng").GetId()
	before := b.end()
	body := groupDocument("ops")
	for _, c := range []struct {
		name  string
		first *identityv1.WriteResourceStreamRequest
		body  string
		want  fault.Reason
	}{
		{"of no kind", &identityv1.WriteResourceStreamRequest{Size: 1000}, body, fault.InvalidRequest},
		{"larger than it says", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: create}, Size: 5}, body, fault.InvalidRequest},
		{"larger than any may be", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: create}, Size: 65 << 20}, body, fault.Limit},
		{"of a size that is none", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: create}, Size: -1}, body, fault.InvalidRequest},
		{"cut", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: create}, Size: 1000}, body[:10], fault.InvalidSyntax},
		{"no PatchOp", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: patch, Id: id}, Size: 1000}, body, fault.InvalidSyntax},
		{"of another version", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: replace, Id: id, IfMatch: []int64{9}}, Size: 1000}, body, fault.Conflict},
		{"of nothing", &identityv1.WriteResourceStreamRequest{Write: &identityv1.Write{Operation: replace, Id: "x"}, Size: 1000}, body, fault.NotFound},
	} {
		_, err := i.writeParts(c.first, c.body)
		refused(t, c.name, err, c.want)
	}
	equal(t, "what was written", len(b.since(before)), 0)
	_, err := i.readParts(&identityv1.ReadResourceStreamRequest{Id: "x"})
	refused(t, "reading nothing", err, fault.NotFound)
}

// A group with more members than a page shows all of them, like a small group.
func TestAGroupOfManyMembersIsLarge(t *testing.T) {
	t.Parallel()
	i := setup(t).idp()
	names := make([]string, 2001)
	for n := range names {
		names[n] = fmt.Sprintf("user%d", n)
	}
	users := i.named(names...)
	small := i.group("small", users[:1999]...)
	equal(t, "1,999 are large", small.GetLarge(), false)
	large := i.group("large", users...)
	equal(t, "2,001 are large", large.GetLarge(), true)
	equal(t, "its document", string(large.GetDocument()), "")
	equal(t, "its version", large.GetVersion(), int64(1))
	read, err := i.readParts(&identityv1.ReadResourceStreamRequest{Id: large.GetId()})
	must(t, err)
	slices.Sort(users)
	equal(t, "its members", values(document(t, read), "members"), users)
	bare, err := i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{
		Target:     i.groups,
		Id:         large.GetId(),
		Projection: &identityv1.Projection{ExcludedAttributes: []string{"members"}},
	})
	must(t, err)
	equal(t, "large without members", bare.GetResource().GetLarge(), false)

	// The group ends its page; no member is missing.
	var met []string
	for cursor := new(string); ; {
		page, err := i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.groups, Query: &identityv1.ListQuery{Cursor: cursor}})
		must(t, err)
		resources := page.GetResult().GetResources()
		for n, r := range resources {
			met = append(met, r.GetId())
			equal(t, "the large one ends a page", r.GetLarge() && n < len(resources)-1, false)
		}
		if page.GetResult().GetNextCursor() == "" {
			break
		}
		*cursor = page.GetResult().GetNextCursor()
	}
	equal(t, "the groups", met, []string{small.GetId(), large.GetId()})
}
