package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// table has the statements for the resources of a type.
type table struct {
	read      func(*store.Resource) []any
	readFacts func(*store.Facts) []any

	get map[store.Criterion]string
	// getWithEdges is get for users, and also reads the edges around the user: see readWithEdges. Most users have none: a second
	// statement would cost more than this join.
	getWithEdges map[store.Criterion]string
	list         string
	byID         string // in the order of the ids
	page         map[store.Order]string
	detached     string
	indexes      map[string]index // by attribute
	version      string
	delete       []deletion

	// unique refuses values that another resource has. insert and update write a resource; at is the time of the write.
	// update writes a resource that is in the directory from. store.ErrChanged: it has another version.
	unique func(ctx context.Context, tx *sqlitedb.Tx, d store.Directory, r store.Resource) error
	insert func(ctx context.Context, tx *sqlitedb.Tx, r store.Resource, at *dbtype.MicroTime) error
	update func(ctx context.Context, tx *sqlitedb.Tx, from string, r store.Resource, at *dbtype.MicroTime) error

	ids       string
	find      map[store.Criterion]string
	summaries string
}

// deletion deletes rows of a resource, or notes that it is deleted.
type deletion struct {
	statement string
	timed     bool // its last argument is the time
}

var tables = map[store.Type]*table{
	store.User: {
		read: rows.Resource(store.User), readFacts: rows.Summary(store.User),
		unique: uniqueUser, insert: createUser, update: changeUser,
		get: map[store.Criterion]string{
			store.WithID:         statements.Load("get_user", "organization_id", "directory_id", "id"),
			store.WithName:       statements.Load("get_user_by_name", "organization_id", "directory_id", "name"),
			store.WithExternalID: statements.Load("get_user_by_external_id", "organization_id", "directory_id", "external_id"),
		},
		getWithEdges: map[store.Criterion]string{
			store.WithID:         statements.Load("get_user_with_groups", "organization_id", "directory_id", "id"),
			store.WithName:       statements.Load("get_user_with_groups_by_name", "organization_id", "directory_id", "name"),
			store.WithExternalID: statements.Load("get_user_with_groups_by_external_id", "organization_id", "directory_id", "external_id"),
		},
		list: statements.Load("list_users", "organization_id", "directory_id", "after", "limit"),
		byID: statements.Load("list_users_by_ids", "organization_id", "directory_id", "ids"),
		page: map[store.Order]string{
			{}:                               statements.Load("page_users", "organization_id", "directory_id", "limit", "skip"),
			{Descending: true}:               statements.Load("page_users_descending", "organization_id", "directory_id", "limit", "skip"),
			{ByName: true}:                   statements.Load("page_users_by_name", "organization_id", "directory_id", "limit", "skip"),
			{ByName: true, Descending: true}: statements.Load("page_users_by_name_descending", "organization_id", "directory_id", "limit", "skip"),
		},
		detached: statements.Load("find_detached_user", "organization_id", "directory_ids", "external_id", "name"),
		indexes: map[string]index{
			"id":         newIndex("find_user_ids_by_id", "organization_id", "directory_id"),
			"userName":   newIndex("find_user_ids_by_name", "organization_id", "directory_id"),
			"externalId": newIndex("find_user_ids_by_external_id", "organization_id", "directory_id"),
		},
		version: statements.Load("get_user_version", "organization_id", "directory_id", "id"),
		delete: []deletion{
			{statements.Load("note_deleted_user", "organization_id", "id", "time"), true},
			{statements.Load("delete_user", "organization_id", "id"), false}, {deleteSearchValues, false},
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
		unique: uniqueGroup, insert: createGroup, update: takeGroup,
		get: map[store.Criterion]string{
			store.WithID:         statements.Load("get_group", "organization_id", "directory_id", "id"),
			store.WithName:       statements.Load("get_group_by_name", "organization_id", "directory_id", "name"),
			store.WithExternalID: statements.Load("get_group_by_external_id", "organization_id", "directory_id", "external_id"),
		},
		list: statements.Load("list_groups", "organization_id", "directory_id", "after", "limit"),
		byID: statements.Load("list_groups_by_ids", "organization_id", "directory_id", "ids"),
		page: map[store.Order]string{
			{}:                               statements.Load("page_groups", "organization_id", "directory_id", "limit", "skip"),
			{Descending: true}:               statements.Load("page_groups_descending", "organization_id", "directory_id", "limit", "skip"),
			{ByName: true}:                   statements.Load("page_groups_by_name", "organization_id", "directory_id", "limit", "skip"),
			{ByName: true, Descending: true}: statements.Load("page_groups_by_name_descending", "organization_id", "directory_id", "limit", "skip"),
		},
		detached: statements.Load("find_detached_group", "organization_id", "directory_ids", "external_id", "name"),
		indexes: map[string]index{
			"id":         newIndex("find_group_ids_by_id", "organization_id", "directory_id"),
			"externalId": newIndex("find_group_ids_by_external_id", "organization_id", "directory_id"),
		},
		version: statements.Load("get_group_version", "organization_id", "directory_id", "id"),
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
