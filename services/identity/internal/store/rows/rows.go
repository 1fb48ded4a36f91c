// Package rows is what the engines share about rows: into which values the columns of a row are read. It contains no statement. An
// engine selects the columns in the order that is given here.
package rows

import (
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Resource returns the reader of whole resources of a type. Columns: organization, directory, id, name, casefolded name, externalId; of
// a user the display name and active; version, document, and the times of creation and update.
func Resource(t store.Type) func(*store.Resource) []any {
	if t == store.User {
		return func(r *store.Resource) []any {
			r.Type = store.User
			return []any{
				&r.OrganizationID, &r.DirectoryID, &r.ID, &r.Name, &r.NameFolded, &r.ExternalID, &r.DisplayName, &r.Active,
				&r.Version, &r.Document, dbtype.Time(&r.CreateTime), dbtype.Time(&r.UpdateTime),
			}
		}
	}
	return func(r *store.Resource) []any {
		r.Type = t
		return []any{
			&r.OrganizationID, &r.DirectoryID, &r.ID, &r.Name, &r.NameFolded, &r.ExternalID,
			&r.Version, &r.Document, dbtype.Time(&r.CreateTime), dbtype.Time(&r.UpdateTime),
		}
	}
}

// Summary returns the reader of summaries of a type. Columns: organization, directory, id, name, externalId, active, version, time of
// update, and whether the directory is closed.
func Summary(t store.Type) func(*store.Facts) []any {
	return func(f *store.Facts) []any {
		f.Type = t
		return []any{
			&f.OrganizationID, &f.DirectoryID, &f.ID, &f.Name, &f.ExternalID, &f.Active, &f.Version, dbtype.Time(&f.UpdateTime), &f.Detached,
		}
	}
}

// FoundUser reads the columns of Summary, and then casefolded userName, displayName, the value that was found, and whether the user has
// a smaller one.
func FoundUser(f *store.Found) []any {
	return append(Summary(store.User)(&f.Facts), &f.NameFolded, &f.DisplayName, &f.Value, &f.Repeated)
}

// Name reads id, name, display name, and active.
func Name(u *store.Resource) []any {
	u.Type = store.User
	return []any{&u.ID, &u.Name, &u.DisplayName, &u.Active}
}

// RoleValue reads the value, and the number of users.
func RoleValue(v *store.RoleValue) []any { return []any{&v.Value, &v.Users} }

// Size reads organization, whether it counts groups, and the number.
func Size(n *store.Size) []any { return []any{&n.OrganizationID, Type(&n.Type), &n.Count} }

// Counted is one row of a count: the numbers of users, groups and memberships that were read, and one of the users or "".
type Counted struct {
	Users, Groups, Memberships int
	Example                    string
}

// CountedRow reads those columns.
func CountedRow(c *Counted) []any { return []any{&c.Users, &c.Groups, &c.Memberships, &c.Example} }

// Tally is the result of a count. Each row has the same numbers.
func Tally(counted []Counted, most store.TallyBounds) store.Tally {
	var examples []string
	for _, c := range counted {
		if c.Example != "" {
			examples = append(examples, c.Example)
		}
	}
	c := counted[0] // there is always a row
	return store.NewTally(c.Users, c.Groups, c.Memberships, examples, most)
}

// FoundGroup reads the columns of Summary, and then the value that was found.
func FoundGroup(f *store.Found) []any { return append(Summary(store.Group)(&f.Facts), &f.Value) }

// Member reads id, whether it is a group, display name, and whether it is carried.
func Member(m *store.Member) []any {
	return []any{&m.Value, Type((*store.Type)(&m.Type)), &m.Display, &m.Carried}
}

// Shown reads a member's id, whether it is a group, and its display name.
func Shown(m *scim.Member) []any { return []any{&m.Value, Type((*store.Type)(&m.Type)), &m.Display} }

// Carried reads the group's id, the member's id, whether the member is a group, and whether it is carried.
func Carried(c *store.CarriedMember) []any {
	return []any{&c.GroupID, &c.Member.Value, Type((*store.Type)(&c.Member.Type)), &c.Member.Carried}
}

// Edge reads the member and the group.
func Edge(e *store.Edge) []any { return []any{&e.Member, &e.Group} }

// Directory reads the organization, the id, whether it is strict, whether its groups have unique names, whether it adopts by name, the id
// of the directory that it replaces, and whether it is closed.
func Directory(d *store.Directory) []any {
	return []any{&d.OrganizationID, &d.ID, &d.Strict, &d.UniqueGroupNames, &d.AdoptByName, &d.ReplacesID, &d.Closed}
}

// DeletedUser reads the organization, the id, the userName, and the time of the deletion.
func DeletedUser(u *store.DeletedUser) []any {
	return []any{&u.OrganizationID, &u.ID, &u.UserName, dbtype.Time(&u.Time)}
}

// Place reads the epoch and the revision.
func Place(p *store.Place) []any { return []any{&p.Epoch, &p.Revision} }

// MessageCount reads organization, directory, kind, name, number of messages, the times of the first and the last message, and the id of
// the last one.
func MessageCount(o *store.MessageCount) []any {
	return []any{
		&o.OrganizationID, &o.DirectoryID, &o.Kind, &o.Name, &o.Messages, dbtype.Time(&o.FirstTime), dbtype.Time(&o.LastTime), &o.LastMessageID,
	}
}

// Totals reads directory, and the numbers of users, groups, quirks and ignored attributes.
func Totals(t *store.Totals) []any {
	return []any{&t.DirectoryID, &t.Users, &t.Groups, &t.Quirks, &t.Ignored}
}

// Schema reads organization, directory, id, whether it extends groups, definition, and the times of creation and update.
func Schema(s *store.Schema) []any {
	return []any{
		&s.OrganizationID, &s.DirectoryID, &s.ID, Type(&s.Type), &s.Definition, dbtype.Time(&s.CreateTime), dbtype.Time(&s.UpdateTime),
	}
}

// Change reads organization, directory, whether it is about a group, the resource's id, revision, kind, the member's id, whether the
// member is a group, message id, traceparent and time.
func Change(c *store.Change) []any {
	return []any{
		&c.OrganizationID, &c.DirectoryID, Type(&c.Type), &c.ResourceID, &c.Revision, &c.Kind, &c.MemberID, Type(&c.MemberType),
		&c.MessageID, &c.Traceparent, dbtype.Time(&c.Time),
	}
}

// Record is the content of a change record, without its cause.
type Record struct {
	Type       store.Type
	ID         string
	Revision   int64
	Kind       store.ChangeKind
	MemberID   string
	MemberType store.Type
}

// Type reads a column that is true for a group. All other resources with such a column are users.
func Type(t *store.Type) *GroupColumn { return (*GroupColumn)(t) }

// GroupColumn is a store.Type in such a column.
type GroupColumn store.Type

func (g *GroupColumn) Scan(value any) error {
	switch value {
	case true, int64(1):
		*g = GroupColumn(store.Group)
	case false, int64(0):
		*g = GroupColumn(store.User)
	default:
		return fmt.Errorf("a type is stored as %v", value)
	}
	return nil
}
