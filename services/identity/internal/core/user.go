package core

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// users returns what is special about users: search values of several attributes, and the groups that they are in.
func users() *kind {
	return &kind{
		of: store.User, resource: scim.UserType, name: "userName", unique: true,
		columns: userColumns, related: addGroups,
	}
}

func userColumns(u *store.Resource, d *scim.Document) {
	u.Name, _ = d.Str("userName")
	u.NameFolded = scim.Casefold(u.Name)
	u.ExternalID, _ = d.Str("externalId")
	name, named := d.Str("displayName")
	if u.DisplayName = name; name == "" {
		u.DisplayName = u.Name
	}
	// RFC 7643 §4.1.1 does not say whether a user without active is active. Every IdP means that it is.
	active, said := d.Bool("active")
	u.Active = active || !said
	u.Document = d.JSON()
	if u.Search = d.SearchValues(); named {
		u.Search = append(u.Search, scim.SearchValue{Attribute: "displayName", Value: scim.Casefold(name)})
	}
	for _, value := range d.Roles() {
		u.Search = append(u.Search, scim.SearchValue{Attribute: store.RoleValuesAttribute, Value: value})
	}
}

// addGroups reads the groups of the users whose groups were not read yet.
func addGroups(ctx context.Context, c *Core, scope store.Scope, uses func(string) bool, page []store.Resource) error {
	if !uses("groups") {
		return nil
	}
	var ids []string
	for i := range page {
		if page[i].Groups == nil {
			ids = append(ids, page[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	groups, err := c.store.UserGroups(ctx, scope, ids)
	if err != nil {
		return err
	}
	for i := range page {
		if u := &page[i]; u.Groups == nil {
			u.Groups = append([]scim.GroupRef{}, groups[u.ID]...)
		}
	}
	return nil
}
