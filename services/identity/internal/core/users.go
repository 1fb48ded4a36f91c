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
}

// CreateUser adds a user, or adopts a detached one.
func (c *Core) CreateUser(ctx context.Context, call Call, body []byte) (r Resource, o Outcome, err error) {
	options, err := c.options(ctx, call.Scope)
	if err != nil {
		return r, o, err
	}
	made, err := scim.UserType().New(body, options)
	if err != nil {
		return r, o, refused(err)
	}
	cause := c.cause(call)
	u := store.User{Scope: call.Scope, CreateTime: cause.Time}
	putUser(&u, made.Document)
	o = Outcome{Ignored: made.Ignored, Quirks: made.Quirks}
	err = race(nil, func() error {
		old, found, err := c.adoptableUser(ctx, u)
		if err != nil {
			return err
		}
		var w store.Written
		if o.Adopted = found; found {
			u.ID, u.Version, u.CreateTime = old.ID, old.Version, old.CreateTime
			w, err = c.store.AdoptUser(ctx, old.DirectoryID, u, cause)
		} else {
			u.ID, u.CreateTime = ids.New(), cause.Time
			w, err = c.store.CreateUser(ctx, u, cause)
		}
		o.Cursor, u.Version, u.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	// A new user is in no group.
	r, err = c.renderUser(ctx, call, u, o.Adopted)
	return r, o, err
}

// adoptableUser finds the detached user that a new one is: by externalId, else by userName, nearest ancestor first.
func (c *Core) adoptableUser(ctx context.Context, u store.User) (store.User, bool, error) {
	ancestors, err := c.store.Ancestors(ctx, u.Scope)
	if err != nil {
		return store.User{}, false, err
	}
	by := []func(scope store.Scope) (store.User, error){
		func(scope store.Scope) (store.User, error) { return c.store.UserByExternalID(ctx, scope, u.ExternalID) },
		func(scope store.Scope) (store.User, error) {
			return c.store.UserByUserName(ctx, scope, u.UserNameFolded)
		},
	}
	for _, find := range by {
		for _, ancestor := range ancestors {
			old, err := find(store.Scope{OrganizationID: u.OrganizationID, DirectoryID: ancestor})
			if err == nil || !fault.Is(err, fault.NotFound) {
				return old, err == nil, err
			}
		}
	}
	return store.User{}, false, nil
}

// User reads one user.
func (c *Core) User(ctx context.Context, call Call, id string) (Resource, error) {
	if _, err := c.options(ctx, call.Scope); err != nil {
		return Resource{}, err
	}
	u, err := c.store.User(ctx, call.Scope, id)
	if err != nil {
		return Resource{}, err
	}
	return c.renderUser(ctx, call, u, true)
}

// ReplaceUser makes a user what the body says.
func (c *Core) ReplaceUser(ctx context.Context, call Call, id string, body []byte, versions []int64) (Resource, Outcome, error) {
	return c.changeUser(ctx, call, id, versions, true, func(old *scim.Document, options scim.Options) (*scim.Result, error) {
		return scim.UserType().Replace(old, body, options)
	})
}

// PatchUser changes a user.
func (c *Core) PatchUser(ctx context.Context, call Call, id string, operations []scim.Operation, versions []int64, render bool) (Resource, Outcome, error) {
	return c.changeUser(ctx, call, id, versions, render, func(old *scim.Document, options scim.Options) (*scim.Result, error) {
		return scim.UserType().Patch(old, operations, options)
	})
}

func (c *Core) changeUser(ctx context.Context, call Call, id string, versions []int64, render bool,
	change func(old *scim.Document, options scim.Options) (*scim.Result, error),
) (r Resource, o Outcome, err error) {
	options, err := c.options(ctx, call.Scope)
	if err != nil {
		return r, o, err
	}
	cause := c.cause(call)
	var u store.User
	err = race(versions, func() error {
		if u, err = c.store.User(ctx, call.Scope, id); err != nil {
			return err
		}
		if err := precondition(versions, u.Version); err != nil {
			return err
		}
		old, err := scim.ParseStored(scim.UserType(), u.Document)
		if err != nil {
			return err
		}
		changed, err := change(old, options)
		if err != nil {
			return refused(err)
		}
		o = Outcome{Ignored: changed.Ignored, Quirks: changed.Quirks}
		if !changed.Changed {
			return nil
		}
		putUser(&u, changed.Document)
		w, err := c.store.UpdateUser(ctx, u, cause)
		o.Cursor, u.Version, u.UpdateTime = w.Cursor, w.Version, w.UpdateTime
		return err
	})
	if err != nil {
		return r, o, err
	}
	if !render {
		return Resource{ID: u.ID, Version: u.Version, CreateTime: u.CreateTime, UpdateTime: u.UpdateTime}, o, nil
	}
	r, err = c.renderUser(ctx, call, u, true)
	return r, o, err
}

// DeleteUser removes a user for good.
func (c *Core) DeleteUser(ctx context.Context, call Call, id string, versions []int64) (Outcome, error) {
	if _, err := c.options(ctx, call.Scope); err != nil {
		return Outcome{}, err
	}
	var w store.Written
	err := race(versions, func() (err error) {
		w, err = c.store.DeleteUser(ctx, call.Scope, id, versions, c.cause(call))
		return err
	})
	return Outcome{Cursor: w.Cursor}, err
}

// Users lists users.
func (c *Core) Users(ctx context.Context, call Call, q Query) (Page, error) {
	if _, err := c.options(ctx, call.Scope); err != nil {
		return Page{}, err
	}
	scope := call.Scope
	return list(ctx, scim.UserType(), c.config.Limits, c.config.PageBytes, q, lister[store.User]{
		count: func(ctx context.Context) (int64, error) { return c.store.CountUsers(ctx, scope) },
		page: func(ctx context.Context, skip, limit int64) ([]store.User, error) {
			return c.store.UserPage(ctx, scope, skip, limit)
		},
		walk: func(ctx context.Context, after string, limit int) ([]store.User, error) {
			return c.store.Users(ctx, scope, after, limit)
		},
		id:     func(u store.User) string { return u.ID },
		render: func(ctx context.Context, u store.User) (Resource, error) { return c.renderUser(ctx, call, u, true) },
		match: func(ctx context.Context, f *scim.Filter, u store.User) (bool, error) {
			d, err := scim.ParseStored(scim.UserType(), u.Document)
			if err != nil {
				return false, err
			}
			e := userEnvelope(call, u)
			if f.Uses("groups") {
				if e.Groups, err = c.userGroups(ctx, call.Scope, u.ID); err != nil {
					return false, err
				}
			}
			return f.Match(scim.UserType(), d, e), nil
		},
		find: func(ctx context.Context, attribute, value string) ([]store.User, bool, error) {
			var u store.User
			var err error
			switch attribute {
			case "userName":
				u, err = c.store.UserByUserName(ctx, scope, scim.Casefold(value))
			case "externalId":
				u, err = c.store.UserByExternalID(ctx, scope, value)
			case "id":
				u, err = c.store.User(ctx, scope, value)
			default:
				return nil, false, nil
			}
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

func (c *Core) userGroups(ctx context.Context, scope store.Scope, id string) ([]scim.GroupRef, error) {
	stored, err := c.store.UserGroups(ctx, scope, id)
	groups := make([]scim.GroupRef, 0, len(stored))
	for _, g := range stored {
		groups = append(groups, scim.GroupRef(g))
	}
	return groups, err
}

// renderUser writes a user as its client sees it. A user that can be in no group yet needs no look for them.
func (c *Core) renderUser(ctx context.Context, call Call, u store.User, mayHaveGroups bool) (r Resource, err error) {
	r = Resource{ID: u.ID, Version: u.Version, CreateTime: u.CreateTime, UpdateTime: u.UpdateTime}
	var groups []scim.GroupRef
	if mayHaveGroups && call.Projection.Includes("groups") {
		if groups, err = c.userGroups(ctx, call.Scope, u.ID); err != nil {
			return r, err
		}
	}
	r.Document, err = scim.UserType().RenderUser(nil, u.Document, userEnvelope(call, u), groups, call.Projection)
	return r, err
}
