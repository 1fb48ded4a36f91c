package postgres

import (
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
)

// table has the statements for the resources of a type.
type table struct {
	read      func(*store.Resource) []any
	readFacts func(*store.Facts) []any

	get map[store.Criterion]string
	// list, byID and page end before the row that would exceed the bytes of documents, but return at least one row. PostgreSQL
	// sends all rows of a result, so the statement itself must stop.
	list     string
	byID     string
	page     map[store.Order]string
	detached string
	indexes  map[string]index // by attribute
	version  string           // of a resource that is locked for deletion
	delete   []deletion

	ids       string
	find      map[store.Criterion]string
	summaries string
}

// deletion deletes rows of a resource.
type deletion struct {
	statement string
	timed     bool // its last argument is the time
}

var tables = map[store.Type]*table{
	store.User: {
		read: rows.Resource(store.User), readFacts: rows.Summary(store.User),
		get: map[store.Criterion]string{
			store.WithID:         statements.Load("get_user", "organization_id", "directory_id", "id"),
			store.WithName:       statements.Load("get_user_by_name", "organization_id", "directory_id", "name"),
			store.WithExternalID: statements.Load("get_user_by_external_id", "organization_id", "directory_id", "external_id"),
		},
		list: statements.Load("list_users", "organization_id", "directory_id", "after", "limit", "bytes"),
		byID: statements.Load("list_users_by_ids", "organization_id", "directory_id", "ids", "bytes"),
		page: map[store.Order]string{
			{}:                               statements.Load("page_users", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{Descending: true}:               statements.Load("page_users_descending", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{ByName: true}:                   statements.Load("page_users_by_name", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{ByName: true, Descending: true}: statements.Load("page_users_by_name_descending", "organization_id", "directory_id", "limit", "skip", "bytes"),
		},
		detached: statements.Load("find_detached_user", "organization_id", "directory_ids", "external_id", "name"),
		indexes: map[string]index{
			"id":         newIndex("find_user_ids_by_id", "organization_id", "directory_id"),
			"userName":   newIndex("find_user_ids_by_name", "organization_id", "directory_id"),
			"externalId": newIndex("find_user_ids_by_external_id", "organization_id", "directory_id"),
		},
		version: statements.Load("lock_user_to_delete", "organization_id", "directory_id", "id"),
		delete: []deletion{
			{statements.Load("delete_user", "organization_id", "id", "time"), true},
			{statements.Load("delete_search_values", "organization_id", "user_id"), false},
		},
		ids: statements.Load("list_user_ids", "organization_id", "after", "limit"),
		find: map[store.Criterion]string{
			store.Every:          statements.Load("find_users", "organization_id", "after", "limit"),
			store.WithID:         statements.Load("find_users_by_id", "organization_id", "after", "limit", "id"),
			store.WithName:       statements.Load("find_users_by_name", "organization_id", "after", "limit", "name"),
			store.WithExternalID: statements.Load("find_users_by_external_id", "organization_id", "after", "limit", "external_id"),
			store.WithEmail:      statements.Load("find_users_by_email", "organization_id", "after", "limit", "email"),
		},
		summaries: statements.Load("summarize_users", "organization_id", "ids"),
	},
	store.Group: {
		read: rows.Resource(store.Group), readFacts: rows.Summary(store.Group),
		get: map[store.Criterion]string{
			store.WithID:         statements.Load("get_group", "organization_id", "directory_id", "id"),
			store.WithName:       statements.Load("get_group_by_name", "organization_id", "directory_id", "name"),
			store.WithExternalID: statements.Load("get_group_by_external_id", "organization_id", "directory_id", "external_id"),
		},
		list: statements.Load("list_groups", "organization_id", "directory_id", "after", "limit", "bytes"),
		byID: statements.Load("list_groups_by_ids", "organization_id", "directory_id", "ids", "bytes"),
		page: map[store.Order]string{
			{}:                               statements.Load("page_groups", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{Descending: true}:               statements.Load("page_groups_descending", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{ByName: true}:                   statements.Load("page_groups_by_name", "organization_id", "directory_id", "limit", "skip", "bytes"),
			{ByName: true, Descending: true}: statements.Load("page_groups_by_name_descending", "organization_id", "directory_id", "limit", "skip", "bytes"),
		},
		detached: statements.Load("find_detached_group", "organization_id", "directory_ids", "external_id", "name"),
		indexes: map[string]index{
			"id":          newIndex("find_group_ids_by_id", "organization_id", "directory_id"),
			"displayName": newIndex("find_group_ids_by_name", "organization_id", "directory_id"),
			"externalId":  newIndex("find_group_ids_by_external_id", "organization_id", "directory_id"),
		},
		version: statements.Load("lock_group_to_delete", "organization_id", "directory_id", "id"),
		delete:  []deletion{{statements.Load("delete_group", "organization_id", "id"), false}},
		ids:     statements.Load("list_group_ids", "organization_id", "after", "limit"),
		find: map[store.Criterion]string{
			store.Every:          statements.Load("find_groups", "organization_id", "after", "limit"),
			store.WithID:         statements.Load("find_groups_by_id", "organization_id", "after", "limit", "id"),
			store.WithName:       statements.Load("find_groups_by_name", "organization_id", "after", "limit", "name"),
			store.WithExternalID: statements.Load("find_groups_by_external_id", "organization_id", "after", "limit", "external_id"),
		},
		summaries: statements.Load("summarize_groups", "organization_id", "ids"),
	},
}
