package core

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/scim"
)

// put takes over from a document what the store keeps beside it.
func putUser(u *store.User, d *scim.Document) {
	u.UserName, _ = d.Str("userName")
	u.UserNameFolded = scim.Casefold(u.UserName)
	u.ExternalID, _ = d.Str("externalId")
	if u.DisplayName, _ = d.Str("displayName"); u.DisplayName == "" {
		u.DisplayName = u.UserName
	}
	// RFC 7643 §4.1.1 leaves open what a user is that says nothing of it; every IdP means that it is active.
	active, said := d.Bool("active")
	u.Active = active || !said
	u.Document = d.JSON()
	u.Search = nil
	for _, v := range d.SearchValues() {
		u.Search = append(u.Search, store.SearchValue{Attribute: v.Attribute, Value: v.Value})
	}
	if name, ok := d.Str("displayName"); ok {
		u.Search = append(u.Search, store.SearchValue{Attribute: "displayName", Value: scim.Casefold(name)})
	}
}

// CreateUser adds a user, or adopts a detached one.
func (c *Core) CreateUser(ctx context.Context, call Call, body []byte) (r Resource, o Outcome, err error) {
	call, err = c.open(ctx, call)
	if err != nil {
		return r, o, err
	}
	made, err := call.types.users.New(body, call.directory.options)
	if err != nil {
		return r, o, refused(err)
	}
	cause := c.cause(call)
	u := store.User{Scope: call.Scope, CreateTime: cause.Time}
	o = Outcome{Ignored: made.Ignored, Quirks: made.Quirks}
	err = race(nil, func() error {
		putUser(&u, made.Document)
		old, found, err := c.adoptableUser(ctx, u, call.directory.ancestors)
		if err != nil {
			return err
		}
		var w store.Written
		if o.Adopted = found; found {
			var before *scim.Document
			if before, err = scim.ParseStored(call.types.users, old.Document); err != nil {
				return err
			}
			succeeding := made.Document.Succeeding(before)
			if err := c.fits(succeeding, before); err != nil {
				return err
			}
			putUser(&u, succeeding)
			u.ID, u.Version, u.CreateTime, u.Groups = old.ID, old.Version, old.CreateTime, nil
			w, err = c.store.AdoptUser(ctx, old.DirectoryID, u, cause)
		} else {
			if err := c.fits(made.Document, nil); err != nil {
				return err
			}
			u.ID, u.CreateTime, u.Groups = ids.New(), cause.Time, []store.GroupRef{} // it is in none yet
			w, err = c.store.CreateUser(ctx, u, cause)
		}
		o.Cursor, u.Version, u.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	c.oddities.note(call.Scope, o, cause)
	r, err = c.showUser(ctx, call, u)
	return r, o, err
}

// adoptableUser finds the detached user that a new one is: by externalId, else by userName, nearest ancestor first.
func (c *Core) adoptableUser(ctx context.Context, u store.User, ancestors []string) (store.User, bool, error) {
	if len(ancestors) == 0 {
		return store.User{}, false, nil
	}
	old, err := c.store.DetachedUser(ctx, u.OrganizationID, ancestors, store.Names{ExternalID: u.ExternalID, Folded: u.UserNameFolded})
	if fault.Is(err, fault.NotFound) {
		return store.User{}, false, nil
	}
	return old, err == nil, err
}

// User reads one user.
func (c *Core) User(ctx context.Context, call Call, id string) (Resource, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Resource{}, err
	}
	u, err := c.readUser(ctx, call, store.Lookup{ID: id}, true)
	if err != nil {
		return Resource{}, err
	}
	return renderUser(call, u)
}

// readUser reads a user, with its groups if it will be shown and its client wants to see them.
func (c *Core) readUser(ctx context.Context, call Call, by store.Lookup, shown bool) (store.User, error) {
	switch {
	case shown && call.Projection.Includes("groups"):
		return c.store.UserWithGroups(ctx, call.Scope, by)
	case by.UserNameFolded != "":
		return c.store.UserByUserName(ctx, call.Scope, by.UserNameFolded)
	case by.ExternalID != "":
		return c.store.UserByExternalID(ctx, call.Scope, by.ExternalID)
	}
	return c.store.User(ctx, call.Scope, by.ID)
}

// ReplaceUser makes a user what the body says.
func (c *Core) ReplaceUser(ctx context.Context, call Call, id string, body []byte, versions []int64) (r Resource, o Outcome, err error) {
	call, err = c.open(ctx, call)
	if err != nil {
		return r, o, err
	}
	return c.changeUser(ctx, call, id, versions, true, func(old *scim.Document) (*scim.Result, error) {
		return call.types.users.Replace(old, body, call.directory.options)
	})
}

// PatchUser changes a user by what the body, a PatchOp, says.
func (c *Core) PatchUser(ctx context.Context, call Call, id string, body []byte, versions []int64, render bool) (r Resource, o Outcome, err error) {
	call, message, err := c.openPatch(ctx, call, body)
	if err != nil {
		return r, o, err
	}
	return c.changeUser(ctx, call, id, versions, render, func(old *scim.Document) (*scim.Result, error) {
		return call.types.users.Patch(old, message, call.directory.options)
	})
}

func (c *Core) changeUser(ctx context.Context, call Call, id string, versions []int64, render bool,
	change func(old *scim.Document) (*scim.Result, error),
) (r Resource, o Outcome, err error) {
	cause := c.cause(call)
	var u store.User
	err = race(versions, func() error {
		// Its groups are read along: they may change before the answer in any case.
		if u, err = c.readUser(ctx, call, store.Lookup{ID: id}, render); err != nil {
			return err
		}
		if err := precondition(versions, u.Version); err != nil {
			return err
		}
		old, err := scim.ParseStored(call.types.users, u.Document)
		if err != nil {
			return err
		}
		changed, err := change(old)
		if err != nil {
			return refused(err)
		}
		o = Outcome{Ignored: changed.Ignored, Quirks: changed.Quirks}
		if !changed.Changed {
			return nil
		}
		if err := c.fits(changed.Document, old); err != nil {
			return err
		}
		putUser(&u, changed.Document)
		w, err := c.store.UpdateUser(ctx, u, cause)
		o.Cursor, u.Version, u.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	c.oddities.note(call.Scope, o, cause)
	if !render {
		return Resource{ID: u.ID, Version: u.Version, CreateTime: u.CreateTime, UpdateTime: u.UpdateTime}, o, nil
	}
	r, err = renderUser(call, u)
	return r, o, err
}

// DeleteUser removes a user for good.
func (c *Core) DeleteUser(ctx context.Context, call Call, id string, versions []int64) (Outcome, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Outcome{}, err
	}
	var w store.Written
	err = race(versions, func() (err error) {
		w, err = c.store.DeleteUser(ctx, call.Scope, id, versions, c.cause(call))
		return err
	})
	return Outcome{Cursor: w.Cursor}, err
}

// Users lists users.
func (c *Core) Users(ctx context.Context, call Call, q Query) (Page, error) {
	call, err := c.open(ctx, call)
	if err != nil {
		return Page{}, err
	}
	scope := call.Scope
	return list(ctx, c, call, q, lister[store.User]{
		resource: call.types.users,
		count:    func(ctx context.Context) (int64, error) { return c.store.CountUsers(ctx, scope) },
		page: func(ctx context.Context, order store.Order, skip, limit int64, bytes int) ([]store.User, error) {
			return c.store.UserPage(ctx, scope, order, skip, limit, bytes)
		},
		name: "userName",
		walk: func(ctx context.Context, after string, limit, bytes int) ([]store.User, error) {
			return c.store.Users(ctx, scope, after, limit, bytes)
		},
		id: func(u store.User) string { return u.ID },
		related: func(ctx context.Context, uses func(string) bool, page []store.User) error {
			if uses == nil {
				uses = call.Projection.Includes
			}
			if !uses("groups") {
				return nil
			}
			return c.addGroups(ctx, scope, page)
		},
		render: func(_ context.Context, u store.User) (Resource, error) { return renderUser(call, u) },
		read: func(_ context.Context, _ func(string) bool, u store.User) (*scim.Document, scim.Envelope, error) {
			d, err := scim.ParseStored(call.types.users, u.Document)
			e := userEnvelope(call, u)
			e.Groups = groupRefs(u.Groups)
			return d, e, err
		},
		candidates: func(ctx context.Context, cond store.Condition, limit int) ([]string, error) {
			return c.store.UserCandidates(ctx, scope, cond, limit)
		},
		byID: func(ctx context.Context, ids []string, bytes int) ([]store.User, error) {
			return c.store.UsersByID(ctx, scope, ids, bytes)
		},
		one: func(ctx context.Context, cond store.Condition) ([]store.User, bool, error) {
			by := store.Lookup{}
			switch cond.Attribute {
			case "userName":
				by.UserNameFolded = cond.Low
			case "externalId":
				by.ExternalID = cond.Low
			case "id":
				by.ID = cond.Low
			default:
				return nil, false, nil
			}
			u, err := c.readUser(ctx, call, by, true)
			if fault.Is(err, fault.NotFound) {
				return nil, true, nil
			}
			return []store.User{u}, true, err
		},
	})
}

func userEnvelope(call Call, u store.User) scim.Envelope {
	return scim.Envelope{
		ID: u.ID, BaseURL: call.BaseURL, Created: u.CreateTime, LastModified: u.UpdateTime, Version: u.Version,
	}
}

func groupRefs(groups []store.GroupRef) []scim.GroupRef {
	refs := make([]scim.GroupRef, 0, len(groups))
	for _, g := range groups {
		refs = append(refs, scim.GroupRef(g))
	}
	return refs
}

// addGroups reads the groups of those users whose groups were not read yet.
func (c *Core) addGroups(ctx context.Context, scope store.Scope, users []store.User) error {
	var ids []string
	for _, u := range users {
		if u.Groups == nil {
			ids = append(ids, u.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	groups, err := c.store.UserGroups(ctx, scope, ids)
	if err != nil {
		return err
	}
	for i := range users {
		if u := &users[i]; u.Groups == nil {
			u.Groups = append([]store.GroupRef{}, groups[u.ID]...)
		}
	}
	return nil
}

// showUser reads what its client sees of a user that was written, and writes it so.
func (c *Core) showUser(ctx context.Context, call Call, u store.User) (Resource, error) {
	one := []store.User{u}
	if call.Projection.Includes("groups") {
		if err := c.addGroups(ctx, call.Scope, one); err != nil {
			return Resource{}, err
		}
	}
	return renderUser(call, one[0])
}

// renderUser writes a user, whose groups were read, as its client sees it.
func renderUser(call Call, u store.User) (r Resource, err error) {
	r = Resource{ID: u.ID, Version: u.Version, CreateTime: u.CreateTime, UpdateTime: u.UpdateTime}
	r.Document, err = call.types.users.RenderUser(nil, u.Document, userEnvelope(call, u), groupRefs(u.Groups), call.Projection)
	return r, err
}
