package core

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

const (
	// memberPage is how many members one read takes.
	memberPage = 2000
	// maxWalks is how often one message may go through all members of a group.
	maxWalks = 20
)

// groups returns what is special about groups: their members, which may be many and are stored apart from the document.
func groups() *kind {
	return &kind{
		of: store.Group, resource: scim.GroupType, name: "displayName",
		columns: groupColumns, envelope: groupEnvelope, render: renderGroup, stream: streamGroup,
	}
}

func groupColumns(g *store.Resource, d *scim.Document) {
	g.Name, _ = d.Str("displayName")
	g.NameFolded = scim.Casefold(g.Name)
	g.ExternalID, _ = d.Str("externalId")
	g.Document = d.JSON()
}

// memberEdits converts the member edits of a message to edits of the stored members. baseURL is the Base URL that the client
// uses.
//
// Edits that go through all members are limited: a message may contain a thousand operations, and other writes wait for it.
func memberEdits(edits []scim.MemberEdit, baseURL string) ([]store.MemberEdit, error) {
	if len(edits) == 0 {
		return nil, nil
	}
	result := make([]store.MemberEdit, 0, len(edits))
	walks := 0
	for _, edit := range edits {
		if edit.Kind == scim.RemoveMatching || edit.Kind == scim.ReplaceMembers {
			if walks++; walks > maxWalks {
				return nil, fault.New(fault.TooMany, "the message goes through all members more than %d times: send it in parts", maxWalks)
			}
		}
		e := store.MemberEdit{Kind: edit.Kind, IDs: edit.IDs}
		if filter := edit.Filter; filter != nil {
			e.Match = func(m scim.Member) bool { return filter.MatchMember(m, baseURL) }
		}
		result = append(result, e)
	}
	return result, nil
}

// groupEnvelope reads all members that the directory can see, if they are used. It reads one group at a time, since a group
// may have many members.
func groupEnvelope(ctx context.Context, c *Core, o opened, uses func(string) bool, e *scim.Envelope) error {
	for after, more := "", uses("members"); more; {
		page, err := c.store.Members(ctx, o.Scope, e.ID, after, memberPage)
		if err != nil {
			return err
		}
		e.Members = append(e.Members, page...)
		if more = len(page) == memberPage; more {
			after = page[memberPage-1].Value
		}
	}
	return nil
}

// renderGroup writes no document for a group that has more than a page of members.
func renderGroup(ctx context.Context, c *Core, o opened, g store.Resource, m *identityv1.Resource) (err error) {
	var members []scim.Member
	if o.Projection.Includes("members") {
		if members, err = c.store.Members(ctx, o.Scope, g.ID, "", memberPage); err != nil {
			return err
		}
		if m.Large = len(members) == memberPage; m.Large {
			return nil
		}
	}
	m.Document, err = o.resource.RenderGroup(nil, g.Document, o.envelope(g), members, o.Projection)
	return err
}

func streamGroup(ctx context.Context, c *Core, o opened, g store.Resource, part func([]byte) error) error {
	r, err := o.resource.NewGroupRenderer(g.Document, o.envelope(g), o.Projection)
	if err != nil {
		return err
	}
	dst := r.Begin(nil)
	for after, more := "", o.Projection.Includes("members"); more; {
		page, err := c.store.Members(ctx, o.Scope, g.ID, after, memberPage)
		if err != nil {
			return err
		}
		dst = r.Members(dst, page)
		if more = len(page) == memberPage; more {
			after = page[memberPage-1].Value
			if err := part(dst); err != nil {
				return err
			}
			dst = dst[:0]
		}
	}
	return part(r.End(dst))
}
