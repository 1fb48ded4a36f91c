package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/eventname"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/scim"
)

// kind is what is special about a resource type. Fields that are empty mean the same as for any other type.
type kind struct {
	of       store.Type
	resource func() *scim.ResourceType // without the extensions of a directory
	name     string                    // the attribute that is stored as the Name
	unique   bool                      // in a directory, at most one resource has a name, and one an externalId
	// columns sets the fields that the store keeps beside the document.
	columns func(r *store.Resource, d *scim.Document)

	// related reads related data of several resources, if an attribute that shows it is used.
	related func(ctx context.Context, c *Core, scope store.Scope, uses func(attribute string) bool, page []store.Resource) error
	// envelope adds data that filters and orders use and that is not in the document.
	envelope func(ctx context.Context, c *Core, o opened, uses func(attribute string) bool, e *scim.Envelope) error
	// render sets the document of m as the client sees it, unless the document is too large.
	render func(ctx context.Context, c *Core, o opened, r store.Resource, m *identityv1.Resource) error
	// stream passes the document on in parts, whatever its size. Each part is valid only during the call.
	stream func(ctx context.Context, c *Core, o opened, r store.Resource, part func([]byte) error) error
}

// kinds are all resource types, in the order in which a common list has them.
func kinds() []*kind { return []*kind{users(), groups()} }

// Op is what a write does.
type Op int

// The writes of a resource.
const (
	Create  Op = iota + 1 // creates it, or adopts a detached one (RFC 7644 §3.3)
	Replace               // replaces it with the document (§3.5.1)
	Patch                 // applies the document, a PatchOp (§3.5.2)
	Delete                // deletes it (§3.6)
)

// Write is a write of one resource.
type Write struct {
	Type     string // the name of the resource type
	Op       Op
	ID       string  // empty for Create
	IfMatch  []int64 // the accepted versions; empty accepts any
	Document []byte  // empty for Delete
	Omit     bool    // for Patch: the caller needs no document back
}

// Write writes one resource, and returns it with the result of the write. A Delete returns no resource.
// fault.InvalidRequest: the type does not exist.
func (c *Core) Write(ctx context.Context, call Call, w Write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	o, err := c.open(ctx, call, w.Type)
	if err != nil {
		return nil, nil, err
	}
	body := w.Document
	w.Document = nil // it may be large: the garbage collector can free it once it was parsed
	switch w.Op {
	case Create:
		return c.create(ctx, o, body)
	case Delete:
		result, err := c.delete(ctx, o, w)
		return nil, result, err
	case Replace:
		w.Omit = false
		return c.change(ctx, o, w, replacement(o, body))
	case Patch:
		patch, err := scim.ParsePatch(body, o.directory.options)
		if err != nil {
			return nil, nil, refused(err)
		}
		return c.change(ctx, o, w, func(old *scim.Document) (*scim.Result, error) {
			return o.resource.Patch(old, patch, o.directory.options)
		})
	}
	return nil, nil, fault.Invalid("operation", "%d is not create, replace, patch or delete", w.Op)
}

// Get reads one resource.
func (c *Core) Get(ctx context.Context, call Call, resourceType, id string) (*identityv1.Resource, error) {
	o, err := c.open(ctx, call, resourceType)
	if err != nil {
		return nil, err
	}
	r, err := c.get(ctx, o, store.Selector{ID: id}, true)
	if err != nil {
		return nil, err
	}
	return c.render(ctx, o, r)
}

// Read reads a resource of any size. begin gets the resource without its document, then part gets the document in parts, each
// valid only during the call. The members of a group are read in pages: a member that comes or leaves meanwhile may be missing or
// present.
func (c *Core) Read(ctx context.Context, call Call, resourceType, id string, begin func(*identityv1.Resource) error, part func([]byte) error) error {
	o, err := c.open(ctx, call, resourceType)
	if err != nil {
		return err
	}
	r, err := c.get(ctx, o, store.Selector{ID: id}, true)
	if err != nil {
		return err
	}
	if err := begin(resourceProto(r)); err != nil {
		return err
	}
	if o.kind.stream != nil {
		return o.kind.stream(ctx, c, o, r, part)
	}
	m, err := c.render(ctx, o, r)
	if err != nil {
		return err
	}
	return part(m.GetDocument())
}

// get reads a resource, and a user's groups if they will be shown.
func (c *Core) get(ctx context.Context, o opened, by store.Selector, shown bool) (store.Resource, error) {
	return c.store.Get(ctx, o.Scope, o.kind.of, by, shown && o.Projection.Includes("groups"))
}

func (c *Core) create(ctx context.Context, o opened, body []byte) (*identityv1.Resource, *identityv1.WriteResult, error) {
	made, err := o.resource.New(body, o.directory.options)
	if err != nil {
		return nil, nil, refused(err)
	}
	edits, err := memberEdits(made.Members, o.BaseURL)
	if err != nil {
		return nil, nil, err
	}
	for i := range edits {
		// A new group has no members to replace. An adopted one keeps its other members, carried.
		edits[i].Kind = scim.AddMembers
	}
	cause := c.cause(o.Call)
	var r store.Resource
	result := &identityv1.WriteResult{Ignored: made.Ignored, Quirks: made.Quirks}
	if err := race(nil, func() error {
		var from string
		var written store.Written
		if r, from, err = c.place(ctx, o, made.Document); err != nil {
			return err
		}
		if result.Adopted = from != ""; result.Adopted {
			written, err = c.store.Adopt(ctx, from, r, edits, cause)
		} else {
			r.CreateTime = cause.Time
			written, err = c.store.Create(ctx, r, edits, cause)
		}
		take(&r, result, written)
		return err
	}); err != nil {
		return nil, nil, c.conflicting(ctx, o, r, err)
	}
	return c.show(ctx, o, r, result, observe(r.Type, made, created(r.Type, edits)), cause)
}

// place returns the resource that a document becomes: a new one, or the detached resource of the directory from that it
// adopts.
func (c *Core) place(ctx context.Context, o opened, d *scim.Document) (r store.Resource, from string, err error) {
	r.Scope, r.Type = o.Scope, o.kind.of
	o.kind.columns(&r, d)
	if len(o.directory.ancestors) > 0 {
		old, err := c.store.Detached(ctx, r, o.directory.ancestors)
		if err == nil && !o.directory.adopts(r, old) {
			err = fault.Missing("resource to adopt", old.ID)
		}
		if err == nil {
			err = c.succeed(o, &r, old, d)
			return r, old.DirectoryID, err
		}
		if !fault.Is(err, fault.NotFound) {
			return r, "", err
		}
	}
	r.ID, r.Groups = ids.New(), []scim.GroupRef{} // it is in none yet
	return r, "", c.fits(d, nil)
}

// adopts reports whether the directory may adopt old, which r matches by its externalId or its name. If both sides have an externalId and
// they differ, the name is reused: it is another person, unless the admin says that another IdP sends the same people.
func (o openDirectory) adopts(r, old store.Resource) bool {
	return o.adoptByName || r.ExternalID == "" || old.ExternalID == "" || r.ExternalID == old.ExternalID
}

// succeed makes r the adopted resource: old, with the document d in place of its own.
func (c *Core) succeed(o opened, r *store.Resource, old store.Resource, d *scim.Document) error {
	before, err := scim.ParseStored(o.resource, old.Document)
	if err != nil {
		return err
	}
	d = d.Succeeding(before)
	o.kind.columns(r, d)
	r.ID, r.Version, r.CreateTime = old.ID, old.Version, old.CreateTime
	return c.fits(d, before)
}

// replacement parses a body once, and not before the resource was found.
func replacement(o opened, body []byte) func(old *scim.Document) (*scim.Result, error) {
	var made *scim.Result
	return func(old *scim.Document) (_ *scim.Result, err error) {
		if made == nil {
			made, err = o.resource.New(body, o.directory.options)
			body = nil
			if err != nil {
				return nil, err
			}
		}
		return made.Replacing(old)
	}
}

// change changes a resource as apply says.
func (c *Core) change(ctx context.Context, o opened, w Write, apply func(old *scim.Document) (*scim.Result, error)) (*identityv1.Resource, *identityv1.WriteResult, error) {
	cause := c.cause(o.Call)
	var r store.Resource
	var seen observed
	result := &identityv1.WriteResult{}
	if err := race(w.IfMatch, func() (err error) {
		// The groups of a user are read with the user: they may change before the response in any case.
		if r, err = c.get(ctx, o, store.Selector{ID: w.ID}, !w.Omit); err != nil {
			return err
		}
		if err := precondition(w.IfMatch, r.Version); err != nil {
			return err
		}
		old, err := scim.ParseStored(o.resource, r.Document)
		if err != nil {
			return err
		}
		made, err := apply(old)
		if err != nil {
			return refused(err)
		}
		result.Ignored, result.Quirks = made.Ignored, made.Quirks
		seen = observe(r.Type, made, 0)
		if !made.Changed && len(made.Members) == 0 {
			return nil
		}
		if err := c.fits(made.Document, old); err != nil {
			return err
		}
		edits, err := memberEdits(made.Members, o.BaseURL)
		if err != nil {
			return err
		}
		wasActive := r.Active
		o.kind.columns(&r, made.Document)
		seen.milestones = changed(r, made.Changed, wasActive, edits)
		written, err := c.update(ctx, r, made.Changed, len(w.IfMatch) > 0 || !w.Omit, edits, cause)
		take(&r, result, written)
		return err
	}); err != nil {
		return nil, nil, c.conflicting(ctx, o, r, err)
	}
	if w.Omit {
		c.messageCounts.count(o.Scope, seen, cause)
		return resourceProto(r), result, nil
	}
	return c.show(ctx, o, r, result, seen, cause)
}

// conflicting adds to a fault.Uniqueness which resource has the value that r should have, for the failed event. It adds nothing if that
// resource has changed meanwhile, or cannot be read now.
func (c *Core) conflicting(ctx context.Context, o opened, r store.Resource, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != fault.Uniqueness {
		return err
	}
	by := store.Selector{Name: r.NameFolded}
	if f.Metadata["attribute"] == "externalId" {
		by = store.Selector{ExternalID: r.ExternalID}
	}
	other, failure := c.store.Get(ctx, o.Scope, o.kind.of, by, false)
	if failure != nil {
		return err
	}
	return f.With(eventname.ConflictingID, other.ID).With(eventname.ConflictingName, eventname.Cut(other.Name))
}

// update writes a resource, or only the edits of its members if its document is unchanged. If the response shows the resource under its
// new version, or with If-Match, the resource must still be as it was read.
func (c *Core) update(ctx context.Context, r store.Resource, document, asRead bool, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	if !document {
		if r.Document = nil; !asRead {
			r.Version = 0
		}
	}
	return c.store.Update(ctx, r, edits, cause)
}

func (c *Core) delete(ctx context.Context, o opened, w Write) (*identityv1.WriteResult, error) {
	var written store.Written
	cause := c.cause(o.Call)
	err := race(w.IfMatch, func() (err error) {
		written, err = c.store.Delete(ctx, o.Scope, o.kind.of, w.ID, w.IfMatch, cause)
		return err
	})
	if err == nil {
		c.messageCounts.count(o.Scope, observed{milestones: deleted(o.kind.of)}, cause)
	}
	return &identityv1.WriteResult{ChangeCursor: written.Cursor.String()}, err
}

// take copies the results of a write.
func take(r *store.Resource, result *identityv1.WriteResult, w store.Written) {
	result.ChangeCursor, r.Version, r.UpdateTime = w.Cursor.String(), w.Version, w.UpdateTime
}

// observe returns what appeared in a message.
func observe(t store.Type, made *scim.Result, steps milestones) observed {
	return observed{made.Quirks, made.Ignored, steps, t, made.Unregistered}
}

// show counts what appeared in a message, and renders the resource that it wrote.
func (c *Core) show(ctx context.Context, o opened, r store.Resource, result *identityv1.WriteResult, seen observed, cause store.Cause) (*identityv1.Resource, *identityv1.WriteResult, error) {
	c.messageCounts.count(o.Scope, seen, cause)
	if o.kind.related != nil && r.Groups == nil {
		one := []store.Resource{r}
		if err := o.kind.related(ctx, c, o.Scope, o.Projection.Includes, one); err != nil {
			return nil, nil, err
		}
		r = one[0]
	}
	m, err := c.render(ctx, o, r)
	return m, result, err
}

// render renders a resource for its client. Its related data was read before.
func (c *Core) render(ctx context.Context, o opened, r store.Resource) (m *identityv1.Resource, err error) {
	m = resourceProto(r)
	if o.kind.render != nil {
		return m, o.kind.render(ctx, c, o, r, m)
	}
	m.Document, err = o.resource.RenderUser(nil, r.Document, o.envelope(r), r.Groups, o.Projection)
	return m, err
}

// resourceProto converts a resource, without its document.
func resourceProto(r store.Resource) *identityv1.Resource {
	return &identityv1.Resource{
		Id: r.ID, Version: r.Version, CreateTime: timestamppb.New(r.CreateTime), UpdateTime: timestamppb.New(r.UpdateTime),
	}
}

// maxRaces is how often a write is tried again after another write came first. Each lost race is a success of another write.
const maxRaces = 100

// precondition refuses a version that If-Match does not name (RFC 7644 §3.14).
func precondition(versions []int64, current int64) error {
	if len(versions) == 0 || slices.Contains(versions, current) {
		return nil
	}
	return stale(current)
}

func stale(current int64) error {
	f := fault.New(fault.Conflict, "the resource has changed since the version that If-Match names: read it again")
	if current > 0 {
		f = f.With("version", scim.ETag(current))
	}
	return f
}

// race repeats a read and its conditional write until no other write came between them. With If-Match it does not repeat.
func race(versions []int64, try func() error) error {
	for range maxRaces {
		err := try()
		if !errors.Is(err, store.ErrChanged) {
			return err
		}
		if len(versions) > 0 {
			return stale(0)
		}
	}
	return fault.New(fault.Unavailable, "too many writes to this resource at a time").Retry(time.Second)
}
