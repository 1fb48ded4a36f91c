package core

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/update"
)

// DetachedUpdate is a change of a detached user.
type DetachedUpdate struct {
	ID       string
	User     *identityv1.DetachedUser
	Fields   update.Fields
	Revision int64 // that the user must have; 0 for any
}

// UpdateDetachedUser changes a detached user of the scope's organization as a PATCH of its IdP would, and returns the user without its
// groups, and the cursor after the change. fault.NotDetached: another directory manages the user. fault.Conflict: it has another
// revision.
func (c *Core) UpdateDetachedUser(ctx context.Context, call Call, w DetachedUpdate) (*identityv1.User, feed.Cursor, error) {
	d, err := c.newDocuments(nil)
	if err != nil {
		return nil, feed.Cursor{}, err
	}
	cause := c.cause(call)
	for range maxRaces {
		u, cursor, err := c.updateDetached(ctx, call.Scope.OrganizationID, w, cause)
		if errors.Is(err, store.ErrChanged) {
			continue // the next try compares the revision
		}
		if err != nil {
			return nil, feed.Cursor{}, err
		}
		user, err := d.facts(ctx, u, store.NewAround(nil))
		return user, cursor, err
	}
	return nil, feed.Cursor{}, fault.New(fault.Unavailable, "too many writes to this user at a time").Retry(time.Second)
}

// updateDetached reads, changes and writes the user once.
func (c *Core) updateDetached(ctx context.Context, organizationID string, w DetachedUpdate, cause store.Cause) (u store.Facts, cursor feed.Cursor, err error) {
	if u, err = c.store.GetAny(ctx, organizationID, store.User, w.ID); err != nil {
		return u, cursor, err
	}
	if !u.Detached {
		return u, cursor, store.NotDetached(w.ID)
	}
	if w.Revision != 0 && w.Revision != u.Version {
		return u, cursor, fault.New(fault.Conflict, "the user has changed since revision %d: read it again, then change it", w.Revision)
	}
	t, err := c.typesOf(ctx, u.Scope)
	if err != nil {
		return u, cursor, err
	}
	old, err := scim.ParseStored(t[store.User], u.Document)
	if err != nil {
		return u, cursor, err
	}
	made, err := c.patched(t[store.User], old, w)
	if err != nil {
		return u, cursor, err
	}
	if made == nil || !made.Changed {
		_, cursor, err = c.store.Cursor(ctx)
		return u, cursor, err
	}
	if err := c.fits(made.Document, old); err != nil {
		return u, cursor, err
	}
	userColumns(&u.Resource, made.Document)
	written, err := c.store.UpdateDetached(ctx, u.Resource, cause)
	u.Version, u.UpdateTime = written.Version, written.UpdateTime
	return u, written.Cursor, err
}

// patched applies the change to a document. It returns nil if there is nothing to do.
func (c *Core) patched(users *scim.ResourceType, old *scim.Document, w DetachedUpdate) (*scim.Result, error) {
	operations := patchOf(old, w)
	if len(operations) == 0 {
		return nil, nil //nolint:nilnil // see above
	}
	body, err := json.Marshal(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations})
	if err != nil {
		return nil, err
	}
	options := c.options(true)
	patch, err := scim.ParsePatch(body, options)
	if err != nil {
		return nil, refused(err)
	}
	made, err := users.Patch(old, patch, options)
	return made, refused(err)
}

// patchOf returns the operations (RFC 7644 §3.5.2) that make the change.
func patchOf(old *scim.Document, w DetachedUpdate) (operations []map[string]any) {
	do := func(op, path string, value any) {
		o := map[string]any{"op": op, "path": path}
		if value != nil {
			o["value"] = value
		}
		operations = append(operations, o)
	}
	text := func(field, attribute, value string) {
		if !w.Fields[field] {
			return
		}
		if value != "" {
			do("replace", attribute, value)
		} else if _, has := old.Str(attribute); has {
			do("remove", attribute, nil)
		}
	}
	text("user_name", "userName", w.User.GetUserName())
	text("display_name", "displayName", w.User.GetDisplayName())
	text("external_id", "externalId", w.User.GetExternalId())
	if w.Fields["active"] {
		do("replace", "active", w.User.GetActive())
	}
	if !w.Fields["email"] {
		return operations
	}
	switch shown, email := shownEmail(old), w.User.GetEmail(); {
	case shown != "" && email != "":
		do("replace", shown+".value", email)
	case shown != "":
		do("remove", shown, nil)
	case email != "":
		do("add", "emails", []map[string]any{{"value": email, "primary": true}})
	}
	return operations
}

// shownEmail returns the path of the e-mail address that User.email shows, or "" if there is none.
func shownEmail(d *scim.Document) string {
	shown := d.Email()
	switch {
	case shown == "":
		return ""
	case hasPrimaryEmail(d):
		return "emails[primary eq true]"
	}
	quoted, _ := json.Marshal(shown) // a string can always be encoded
	return "emails[value eq " + string(quoted) + "]"
}

// hasPrimaryEmail reports whether a document has a primary e-mail address.
func hasPrimaryEmail(d *scim.Document) bool {
	for _, v := range d.SearchValues() {
		if v.Attribute == "emails" && v.Primary {
			return true
		}
	}
	return false
}
