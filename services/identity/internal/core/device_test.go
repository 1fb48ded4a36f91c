package core

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// devices is a resource type as another specification may define it: with a name and an externalId, and without members. This is all
// that the domain knows of it.
func devices(t *testing.T) *kind {
	t.Helper()
	schema, err := scim.ParseSchema([]byte(`{"id": "urn:example:params:scim:schemas:Device", "attributes": [
		{"name": "displayName", "required": true}, {"name": "serialNumber"}, {"name": "locked", "type": "boolean"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resource := scim.NewResourceType(scim.ResourceType{ID: "Device", Name: "Device", Endpoint: "/Devices", Schema: schema})
	return &kind{
		of: "Device", resource: func() *scim.ResourceType { return resource }, name: "displayName", unique: true,
		columns: func(r *store.Resource, d *scim.Document) {
			r.Name, _ = d.Str("displayName")
			r.NameFolded = scim.Casefold(r.Name)
			r.ExternalID, _ = d.Str("externalId")
			r.Document = d.JSON()
		},
	}
}

func TestTheStorePassesItsSuiteForAnyType(t *testing.T) {
	t.Parallel()
	storetest.RunResources(t, "Device", "displayName", func(*testing.T) (store.Store, storetest.Inside) {
		return newMemory(), storetest.Inside{}
	})
}

// bench is the domain with devices, and a call to an open directory.
type bench struct {
	*testing.T
	core *Core
	call Call
}

func newBench(t *testing.T) bench {
	t.Helper()
	c, err := New(newMemory(), Config{Tuning: Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, ScanLimit: 1000, DocumentBytes: 1 << 20, Now: time.Now}, nil)
	b := bench{T: t, core: c, call: Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}, BaseURL: "https://usher.example/scim/v2/d1"}}
	b.must(err)
	c.kinds = append(c.kinds, devices(t))
	b.directory(store.Directory{ID: "d1"})
	return b
}

func (b bench) directory(d store.Directory) {
	b.Helper()
	d.OrganizationID = "acme"
	b.must(b.core.ApplyDirectory(b.Context(), d, store.Place{}))
}

func (b bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b bench) write(op Op, id, document string, ifMatch ...int64) (*identityv1.Resource, *identityv1.WriteResult, error) {
	return b.core.Write(b.Context(), b.call, Write{Type: "Device", Op: op, ID: id, IfMatch: ifMatch, Document: []byte(document)})
}

// wrote makes a write that must succeed.
func (b bench) wrote(op Op, id, document string) *identityv1.Resource {
	b.Helper()
	r, _, err := b.write(op, id, document)
	b.must(err)
	return r
}

// contains checks that a document contains parts.
func (b bench) contains(what string, r *identityv1.Resource, parts ...string) {
	b.Helper()
	for _, part := range parts {
		if !strings.Contains(string(r.GetDocument()), part) {
			b.Errorf("%s: %s lacks %s", what, r.GetDocument(), part)
		}
	}
}

func (b bench) refuses(what string, err error, reason fault.Reason) {
	b.Helper()
	if !fault.Is(err, reason) {
		b.Errorf("%s: got error %v, want %s", what, err, fault.ReasonName(reason))
	}
}

func TestAResourceOfAnyTypeIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.wrote(Create, "", `{"displayName":"Laptop","externalId":"e1","serialNumber":"1"}`)
	b.contains("created", made, `"schemas":["urn:example:params:scim:schemas:Device"]`, `"displayName":"Laptop"`, `"resourceType":"Device"`,
		`"location":"https://usher.example/scim/v2/d1/Devices/`+made.GetId()+`"`, `"version":"W/\"1\""`)
	_, _, err := b.write(Create, "", `{"displayName":"LAPTOP"}`)
	b.refuses("a name that is taken", err, fault.Uniqueness)
	_, _, err = b.write(Create, "", `{"serialNumber":"2"}`)
	b.refuses("no name", err, fault.InvalidValue)

	b.contains("replaced", b.wrote(Replace, made.GetId(), `{"displayName":"Phone"}`), `"displayName":"Phone"`, `"version":"W/\"2\""`)
	_, _, err = b.write(Replace, made.GetId(), `{"displayName":"Desk"}`, 1)
	b.refuses("a version of before", err, fault.Conflict)
	const patch = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"locked","value":true}]}`
	b.contains("patched", b.wrote(Patch, made.GetId(), patch), `"displayName":"Phone"`, `"locked":true`, `"version":"W/\"3\""`)
	if _, result, err := b.write(Patch, made.GetId(), patch); err != nil || result.GetChangeCursor() != "" {
		t.Errorf("a patch that changes nothing wrote until %q (error %v)", result.GetChangeCursor(), err)
	}

	_, _, err = b.write(Delete, made.GetId(), "", 2)
	b.refuses("deleting a version of before", err, fault.Conflict)
	_, _, err = b.write(Delete, made.GetId(), "", 3)
	b.must(err)
	_, err = b.core.Get(t.Context(), b.call, "Device", made.GetId())
	b.refuses("one that is deleted", err, fault.NotFound)
	for _, op := range []Op{Replace, Patch, Delete} {
		_, _, err = b.write(op, made.GetId(), patch)
		b.refuses("writing one that is deleted", err, fault.NotFound)
	}
}

func TestResourcesOfAnyTypeAreReadAndListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var laptop *identityv1.Resource
	for _, document := range []string{
		`{"displayName":"Laptop","externalId":"e1","serialNumber":"1"}`, `{"displayName":"Phone","serialNumber":"2","locked":true}`,
		`{"displayName":"Desk","serialNumber":"3"}`,
	} {
		if r := b.wrote(Create, "", document); laptop == nil {
			laptop = r
		}
	}
	got, err := b.core.Get(t.Context(), b.call, "Device", laptop.GetId())
	b.must(err)
	if string(got.GetDocument()) != string(laptop.GetDocument()) {
		t.Errorf("read as %s, written as %s", got.GetDocument(), laptop.GetDocument())
	}
	var streamed []byte
	b.must(b.core.Read(t.Context(), b.call, "Device", laptop.GetId(), func(*identityv1.Resource) error { return nil }, func(part []byte) error {
		streamed = append(streamed, part...)
		return nil
	}))
	if string(streamed) != string(laptop.GetDocument()) {
		t.Errorf("streamed as %s", streamed)
	}
	for _, c := range []struct {
		query *identityv1.ListQuery
		want  string
	}{
		{nil, "Laptop Phone Desk"},
		{&identityv1.ListQuery{Cursor: new(string)}, "Laptop Phone Desk"},
		{&identityv1.ListQuery{StartIndex: 2}, "Phone Desk"},
		{&identityv1.ListQuery{SortBy: "displayName"}, "Desk Laptop Phone"},
		{&identityv1.ListQuery{SortBy: "serialNumber", SortOrder: "descending"}, "Desk Phone Laptop"},
		{&identityv1.ListQuery{Filter: `displayName eq "phone"`}, "Phone"},
		{&identityv1.ListQuery{Filter: `displayName sw "l"`}, "Laptop"},
		{&identityv1.ListQuery{Filter: `externalId eq "e1"`}, "Laptop"},
		{&identityv1.ListQuery{Filter: `externalId eq "E1"`}, ""},
		{&identityv1.ListQuery{Filter: `locked eq true or serialNumber eq "3"`}, "Phone Desk"},
		{&identityv1.ListQuery{Filter: `id eq "` + laptop.GetId() + `"`}, "Laptop"},
	} {
		page, err := b.core.List(t.Context(), b.call, "Device", c.query)
		b.must(err)
		var names []string
		for _, r := range page.GetResources() {
			var shown struct{ DisplayName string }
			b.must(json.Unmarshal(r.GetDocument(), &shown))
			names = append(names, shown.DisplayName)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v: got %q, want %q", c.query, got, c.want)
		}
	}
	_, err = b.core.List(t.Context(), b.call, "Device", &identityv1.ListQuery{Filter: `userName eq "x"`})
	b.refuses("a filter on what devices do not have", err, fault.InvalidFilter)
}

func TestAResourceOfAnyTypeIsAdopted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.wrote(Create, "", `{"displayName":"Laptop","externalId":"e1"}`)
	b.directory(store.Directory{ID: "d1", Closed: true})
	b.directory(store.Directory{ID: "d2", ReplacesID: "d1"})
	b.call.Scope.DirectoryID = "d2"
	r, result, err := b.write(Create, "", `{"displayName":"Renamed","externalId":"e1"}`)
	b.must(err)
	if !result.GetAdopted() || r.GetId() != old.GetId() || r.GetVersion() != 2 {
		t.Errorf("adopted: %v, as %s in version %d", result.GetAdopted(), r.GetId(), r.GetVersion())
	}
	b.contains("adopted", r, `"displayName":"Renamed"`)
}

func TestATypeThatDoesNotExistIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, try := range map[string]func(ctx context.Context) error{
		"reading": func(ctx context.Context) error {
			_, err := b.core.Get(ctx, b.call, "device", "x")
			return err
		},
		"listing": func(ctx context.Context) error {
			_, err := b.core.List(ctx, b.call, "", nil)
			return err
		},
		"writing": func(ctx context.Context) error {
			_, _, err := b.core.Write(ctx, b.call, Write{Type: "Devices", Op: Create, Document: []byte(`{}`)})
			return err
		},
	} {
		b.refuses(name, try(t.Context()), fault.InvalidRequest)
	}
}
