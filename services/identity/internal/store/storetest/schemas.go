package storetest

import (
	"errors"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

func schema(scope store.Scope, id string, of store.Type, second int) store.Schema {
	at := cause(second).Time
	return store.Schema{Scope: scope, ID: id, Type: of, Definition: fmt.Appendf(nil, `{"id":%q}`, id), CreateTime: at, UpdateTime: at}
}

func (f *fixture) putSchema(s store.Schema) store.Schema {
	f.Helper()
	written, err := f.store.PutSchema(f.Context(), s, func(store.Schema, []store.Schema) error { return nil })
	f.must(err)
	return written
}

func (f *fixture) schemas(scope store.Scope) []store.Schema {
	f.Helper()
	all, err := f.store.Schemas(f.Context(), scope)
	f.must(err)
	return all
}

var schemaCases = []testCase{
	{"schemas are of one directory, and listed by id", func(f *fixture) {
		one, two, other := f.directory("d1"), f.directory("d2"), f.directoryOf("other", "d1")
		b, a := schema(one, "urn:x:b", store.User, 1), schema(one, "urn:x:A", store.Group, 2)
		f.equal("what was written", f.putSchema(b), b)
		f.putSchema(a)
		f.putSchema(schema(two, "urn:x:b", store.Group, 3))
		f.equal("of the first", f.schemas(one), []store.Schema{a, b})
		f.equal("of the second", f.schemas(two), []store.Schema{schema(two, "urn:x:b", store.Group, 3)})
		f.equal("of another organization", f.schemas(other), []store.Schema(nil))
	}},
	{"the directories that have schemas are listed", func(f *fixture) {
		one, two, _ := f.directory("d1"), f.directory("d2"), f.directory("d3")
		f.putSchema(schema(two, "urn:x:a", store.User, 1))
		f.putSchema(schema(two, "urn:x:b", store.Group, 1))
		f.putSchema(schema(one, "urn:x:a", store.User, 1))
		f.putSchema(schema(f.directoryOf("other", "d4"), "urn:x:a", store.User, 1))
		got, err := f.store.Extended(f.Context(), "acme")
		f.must(err)
		f.equal("the directories", got, []string{"d1", "d2"})
	}},
	{"a schema takes the place of another one, in any case", func(f *fixture) {
		scope := f.directory("d1")
		f.putSchema(schema(scope, "urn:x:a", store.User, 1))
		f.putSchema(schema(scope, "urn:x:b", store.User, 1))
		same := schema(scope, "urn:x:a", store.User, 2)
		f.equal("the same again", f.putSchema(same), schema(scope, "urn:x:a", store.User, 1))
		next, replaced, seen := schema(scope, "URN:X:A", store.Group, 3), store.Schema{}, []store.Schema(nil)
		written, err := f.store.PutSchema(f.Context(), next, func(before store.Schema, others []store.Schema) error {
			replaced, seen = before, others
			return nil
		})
		f.must(err)
		next.CreateTime = cause(1).Time
		f.equal("what was written", written, next)
		f.equal("the one before", replaced, schema(scope, "urn:x:a", store.User, 1))
		f.equal("the others", seen, []store.Schema{schema(scope, "urn:x:b", store.User, 1)})
		f.equal("all", f.schemas(scope), []store.Schema{next, schema(scope, "urn:x:b", store.User, 1)})
	}},
	{"a refused schema is not written", func(f *fixture) {
		scope := f.directory("d1")
		no := errors.New("no")
		_, err := f.store.PutSchema(f.Context(), schema(scope, "urn:x:a", store.User, 1), func(store.Schema, []store.Schema) error { return no })
		f.equal("the refusal", errors.Is(err, no), true)
		f.equal("all", f.schemas(scope), []store.Schema(nil))
	}},
	{"concurrent writers of schemas see each other's", func(f *fixture) {
		scope := f.directory("d1")
		f.together(8, func(n int) {
			_, err := f.store.PutSchema(f.Context(), schema(scope, fmt.Sprint("urn:x:", n), store.User, n), func(_ store.Schema, others []store.Schema) error {
				if len(others) >= 3 {
					return fault.New(fault.Limit, "enough")
				}
				return nil
			})
			if err != nil && !fault.Is(err, fault.Limit) {
				f.Error(err)
			}
		})
		f.equal("how many", len(f.schemas(scope)), 3)
	}},
	{"a schema is deleted, in any case", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.putSchema(schema(scope, "urn:x:a", store.User, 1))
		f.putSchema(schema(other, "urn:x:a", store.User, 1))
		f.must(f.store.DeleteSchema(f.Context(), scope, "URN:x:a"))
		f.equal("all", f.schemas(scope), []store.Schema(nil))
		f.equal("of another directory", len(f.schemas(other)), 1)
		f.refuses("deleting it again", f.store.DeleteSchema(f.Context(), scope, "urn:x:a"), fault.NotFound)
	}},
	{"a directory begins with the schemas of the one that it replaces", func(f *fixture) {
		old := f.directory("d1")
		f.putSchema(schema(old, "urn:x:a", store.Group, 1))
		f.directory("d1", closed)
		replacing := func(d *store.Directory) { d.ReplacesID = "d1" }
		next := f.directory("d2", replacing)
		f.equal("at first", f.schemas(next), []store.Schema{schema(next, "urn:x:a", store.Group, 1)})
		f.must(f.store.DeleteSchema(f.Context(), next, "urn:x:a"))
		f.directory("d2", replacing, func(d *store.Directory) { d.Strict = true })
		f.equal("after another change", f.schemas(next), []store.Schema(nil))
		f.equal("the old one's", len(f.schemas(old)), 1)
	}},
	{"no schema is written of a directory that is closed, or not known", func(f *fixture) {
		scope := f.directory("d1")
		f.directory("d1", closed)
		_, err := f.store.PutSchema(f.Context(), schema(scope, "urn:x:a", store.User, 1), func(store.Schema, []store.Schema) error { return nil })
		f.refuses("of a closed one", err, fault.Deleted)
		_, err = f.store.PutSchema(f.Context(), schema(store.Scope{OrganizationID: "acme", DirectoryID: "none"}, "urn:x:a", store.User, 1),
			func(store.Schema, []store.Schema) error { return nil })
		f.refuses("of none", err, fault.NotReady)
	}},
}
