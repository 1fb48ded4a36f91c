package core

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/scim"
)

// memberPage is how many members one read takes.
const memberPage = 2000

// putGroup takes over from a document what the store keeps beside it.
func putGroup(g *store.Group, d *scim.Document) {
	g.DisplayName, _ = d.Str("displayName")
	g.DisplayNameFolded = scim.Casefold(g.DisplayName)
	g.ExternalID, _ = d.Str("externalId")
	g.Document = d.JSON()
}

// memberEdits turns what a message says of members into edits of what is stored. baseURL is where the client sees them.
//
// What goes through all members is bounded: a message may hold a thousand operations, and others wait for it.
func memberEdits(edits []scim.MemberEdit, baseURL string) ([]store.MemberEdit, error) {
	kinds := map[scim.MemberEditKind]store.EditKind{
		scim.AddMembers: store.EditAdd, scim.RemoveMembers: store.EditRemove,
		scim.RemoveMatching: store.EditRemoveMatching, scim.ReplaceMembers: store.EditReplace,
	}
	result := make([]store.MemberEdit, 0, len(edits))
	walks := 0
	for _, edit := range edits {
		if edit.Kind == scim.RemoveMatching || edit.Kind == scim.ReplaceMembers {
			if walks++; walks > maxWalks {
				return nil, fault.New(fault.TooMany, "the message goes through all members more than %d times: send it in parts", maxWalks)
			}
		}
		e := store.MemberEdit{Kind: kinds[edit.Kind], IDs: edit.IDs}
		if filter := edit.Filter; filter != nil {
			e.Match = func(m store.Member) bool { return filter.MatchMember(scimMember(m), baseURL) }
		}
		result = append(result, e)
	}
	return result, nil
}

// maxWalks is how often one message may go through all members of a group.
const maxWalks = 20

func scimMember(m store.Member) scim.Member {
	member := scim.Member{Value: m.ID, Type: "User", Display: m.Display}
	if m.Group {
		member.Type = "Group"
	}
	return member
}

// CreateGroup adds a group, or adopts a detached one.
func (c *Core) CreateGroup(ctx context.Context, call Call, body []byte) (r Resource, o Outcome, err error) {
	call, err = c.open(ctx, call)
	if err != nil {
		return r, o, err
	}
	made, err := call.types.groups.New(body, call.directory.options)
	if err != nil {
		return r, o, refused(err)
	}
	if err := c.fits(made.Document, nil); err != nil {
		return r, o, err
	}
	cause := c.cause(call)
	g := store.Group{Scope: call.Scope, CreateTime: cause.Time}
	putGroup(&g, made.Document)
	edits, err := memberEdits(made.Members, call.BaseURL)
	if err != nil {
		return r, o, err
	}
	for i := range edits {
		// What is created has no members to replace; what is adopted keeps those that are not named, carried.
		edits[i].Kind = store.EditAdd
	}
	o = Outcome{Ignored: made.Ignored, Quirks: made.Quirks}
	err = race(nil, func() error {
		old, found, err := c.adoptableGroup(ctx, g, call.directory.ancestors)
		if err != nil {
			return err
		}
		var w store.Written
		if o.Adopted = found; found {
			g.ID, g.Version, g.CreateTime = old.ID, old.Version, old.CreateTime
			w, err = c.store.AdoptGroup(ctx, old.DirectoryID, g, edits, cause)
		} else {
			g.ID, g.CreateTime = ids.New(), cause.Time
			w, err = c.store.CreateGroup(ctx, g, edits, cause)
		}
		o.Cursor, g.Version, g.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	c.oddities.note(call.Scope, o, cause)
	r, err = c.renderGroup(ctx, call, g)
	return r, o, err
}

// adoptableGroup finds the detached group that a new one is: by externalId, else by a displayName that only one has.
// Nearest ancestor first; within one, an ambiguous match is none.
func (c *Core) adoptableGroup(ctx context.Context, g store.Group, ancestors []string) (store.Group, bool, error) {
	if len(ancestors) == 0 {
		return store.Group{}, false, nil
	}
	old, err := c.store.DetachedGroup(ctx, g.OrganizationID, ancestors, store.Names{ExternalID: g.ExternalID, Folded: g.DisplayNameFolded})
	if fault.Is(err, fault.NotFound) {
		return store.Group{}, false, nil
	}
	return old, err == nil, err
}

// Group reads one group.
func (c *Core) Group(ctx context.Context, call Call, id string) (Resource, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Resource{}, err
	}
	g, err := c.store.Group(ctx, call.Scope, id)
	if err != nil {
		return Resource{}, err
	}
	return c.renderGroup(ctx, call, g)
}

// ReplaceGroup makes a group what the body says, its members too. The body, which may be large, is not held while it is
// written.
func (c *Core) ReplaceGroup(ctx context.Context, call Call, id string, body []byte, versions []int64) (r Resource, o Outcome, err error) {
	call, err = c.open(ctx, call)
	if err != nil {
		return r, o, err
	}
	made, err := call.types.groups.New(body, call.directory.options)
	if err != nil {
		return r, o, refused(err)
	}
	return c.changeGroup(ctx, call, id, versions, true, func(old *scim.Document) (*scim.Result, error) {
		return made.Replacing(old)
	})
}

// PatchGroup changes a group or its members by what the body, a PatchOp, says.
func (c *Core) PatchGroup(ctx context.Context, call Call, id string, body []byte, versions []int64, render bool) (r Resource, o Outcome, err error) {
	call, message, err := c.openPatch(ctx, call, body)
	if err != nil {
		return r, o, err
	}
	return c.changeGroup(ctx, call, id, versions, render, func(old *scim.Document) (*scim.Result, error) {
		return call.types.groups.Patch(old, message, call.directory.options)
	})
}

func (c *Core) changeGroup(ctx context.Context, call Call, id string, versions []int64, render bool,
	change func(old *scim.Document) (*scim.Result, error),
) (r Resource, o Outcome, err error) {
	cause := c.cause(call)
	var g store.Group
	err = race(versions, func() error {
		if g, err = c.store.Group(ctx, call.Scope, id); err != nil {
			return err
		}
		// What is shown under the new version must be that version: then nobody may have come in between.
		read := versions
		if render {
			read = []int64{g.Version}
		}
		if err := precondition(versions, g.Version); err != nil {
			return err
		}
		old, err := scim.ParseStored(call.types.groups, g.Document)
		if err != nil {
			return err
		}
		changed, err := change(old)
		if err != nil {
			return refused(err)
		}
		o = Outcome{Ignored: changed.Ignored, Quirks: changed.Quirks}
		if !changed.Changed && len(changed.Members) == 0 {
			return nil
		}
		if err := c.fits(changed.Document, old); err != nil {
			return err
		}
		putGroup(&g, changed.Document)
		edits, err := memberEdits(changed.Members, call.BaseURL)
		if err != nil {
			return err
		}
		w, err := c.store.UpdateGroup(ctx, g, changed.Changed, read, edits, cause)
		o.Cursor, g.Version, g.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	c.oddities.note(call.Scope, o, cause)
	if !render {
		return groupResource(g), o, nil
	}
	r, err = c.renderGroup(ctx, call, g)
	return r, o, err
}

// DeleteGroup removes a group for good.
func (c *Core) DeleteGroup(ctx context.Context, call Call, id string, versions []int64) (Outcome, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Outcome{}, err
	}
	var w store.Written
	err = race(versions, func() (err error) {
		w, err = c.store.DeleteGroup(ctx, call.Scope, id, versions, c.cause(call))
		return err
	})
	return Outcome{Cursor: w.Cursor}, err
}

// Groups lists groups.
func (c *Core) Groups(ctx context.Context, call Call, q Query) (Page, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Page{}, err
	}
	scope := call.Scope
	return list(ctx, c, call, q, lister[store.Group]{
		resource: call.types.groups,
		count:    func(ctx context.Context) (int64, error) { return c.store.CountGroups(ctx, scope) },
		page: func(ctx context.Context, order store.Order, skip, limit int64, bytes int) ([]store.Group, error) {
			return c.store.GroupPage(ctx, scope, order, skip, limit, bytes)
		},
		name: "displayName",
		walk: func(ctx context.Context, after string, limit, bytes int) ([]store.Group, error) {
			return c.store.Groups(ctx, scope, after, limit, bytes)
		},
		id:      func(g store.Group) string { return g.ID },
		related: func(context.Context, func(string) bool, []store.Group) error { return nil }, // members are many: one group at a time
		render:  func(ctx context.Context, g store.Group) (Resource, error) { return c.renderGroup(ctx, call, g) },
		read: func(ctx context.Context, uses func(string) bool, g store.Group) (*scim.Document, scim.Envelope, error) {
			e := groupEnvelope(call, g)
			d, err := scim.ParseStored(call.types.groups, g.Document)
			if err == nil && uses("members") {
				e.Members, err = c.members(ctx, scope, g.ID)
			}
			return d, e, err
		},
		candidates: func(ctx context.Context, cond store.Condition, limit int) ([]string, error) {
			return c.store.GroupCandidates(ctx, scope, cond, limit)
		},
		byID: func(ctx context.Context, ids []string, bytes int) ([]store.Group, error) {
			return c.store.GroupsByID(ctx, scope, ids, bytes)
		},
		one: func(context.Context, store.Condition) ([]store.Group, bool, error) { return nil, false, nil },
	})
}

func groupEnvelope(call Call, g store.Group) scim.Envelope {
	return scim.Envelope{
		ID: g.ID, BaseURL: call.BaseURL, Created: g.CreateTime, LastModified: g.UpdateTime, Version: g.Version,
	}
}

// members reads all members that the directory can see.
func (c *Core) members(ctx context.Context, scope store.Scope, groupID string) ([]scim.Member, error) {
	var all []scim.Member
	for after := ""; ; {
		page, err := c.store.Members(ctx, scope, groupID, after, memberPage)
		if err != nil {
			return nil, err
		}
		all = append(all, scimMembers(page)...)
		if len(page) < memberPage {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

// renderGroup writes a group as its client sees it, unless it is large.
func (c *Core) renderGroup(ctx context.Context, call Call, g store.Group) (r Resource, err error) {
	r = groupResource(g)
	var members []scim.Member
	if call.Projection.Includes("members") {
		page, err := c.store.Members(ctx, call.Scope, g.ID, "", memberPage)
		if err != nil {
			return r, err
		}
		if r.Large = len(page) == memberPage; r.Large {
			return r, nil
		}
		members = scimMembers(page)
	}
	r.Document, err = call.types.groups.RenderGroup(nil, g.Document, groupEnvelope(call, g), members, call.Projection)
	return r, err
}

func groupResource(g store.Group) Resource {
	return Resource{ID: g.ID, Version: g.Version, CreateTime: g.CreateTime, UpdateTime: g.UpdateTime}
}

func scimMembers(page []store.Member) []scim.Member {
	members := make([]scim.Member, 0, len(page))
	for _, m := range page {
		members = append(members, scimMember(m))
	}
	return members
}

// ReadGroup reads a group of any size: begin takes what it is, then part takes its document in parts, each of which is
// gone when it returns. The members are read a page at a time: one that comes or leaves meanwhile may be there or not.
func (c *Core) ReadGroup(ctx context.Context, call Call, id string, begin func(Resource) error, part func([]byte) error) error {
	call, err := c.open(ctx, call)
	if err != nil {
		return err
	}
	g, err := c.store.Group(ctx, call.Scope, id)
	if err != nil {
		return err
	}
	if err := begin(groupResource(g)); err != nil {
		return err
	}
	r, err := call.types.groups.NewGroupRenderer(g.Document, groupEnvelope(call, g), call.Projection)
	if err != nil {
		return err
	}
	dst := r.Begin(nil)
	for after, more := "", call.Projection.Includes("members"); more; {
		page, err := c.store.Members(ctx, call.Scope, id, after, memberPage)
		if err != nil {
			return err
		}
		dst = r.Members(dst, scimMembers(page))
		if more = len(page) == memberPage; more {
			after = page[memberPage-1].ID
			if err := part(dst); err != nil {
				return err
			}
			dst = dst[:0]
		}
	}
	return part(r.End(dst))
}
