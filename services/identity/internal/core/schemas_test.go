package core_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
)

// schemaStore is a store of one open directory that stores schemas, and the document of the last user.
type schemaStore struct {
	store.Store
	schemas []store.Schema
	last    string
}

func (s *schemaStore) Directory(_ context.Context, scope store.Scope) (store.Directory, error) {
	return store.Directory{OrganizationID: scope.OrganizationID, ID: scope.DirectoryID}, nil
}

func (s *schemaStore) Schemas(context.Context, store.Scope) ([]store.Schema, error) {
	return s.schemas, nil
}

func (s *schemaStore) PutSchema(_ context.Context, schema store.Schema, _ func(store.Schema, []store.Schema) error) (store.Schema, error) {
	s.schemas = []store.Schema{schema}
	return schema, nil
}

func (s *schemaStore) Facts(_ context.Context, organizationID string, _ []string, _ store.FactsBounds) (store.FactsPage, error) {
	user := store.Resource{Type: store.User, Scope: store.Scope{OrganizationID: organizationID, DirectoryID: "d1"}, ID: "u"}
	user.Document = []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u"}`)
	return store.FactsPage{Users: []store.Facts{{Resource: user}}}, nil
}

func (s *schemaStore) Create(_ context.Context, u store.Resource, _ []store.MemberEdit, _ store.Cause) (store.Written, error) {
	s.last = string(u.Document)
	return store.Written{Version: 1}, nil
}

// A process may have read the schemas for another purpose, shortly before its first message of the directory.
func TestAChangeOfSchemasIsInForceEverywhereOnceItIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &schemaStore{}
		config := core.Config{Tuning: core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, DocumentBytes: 1 << 20, Now: time.Now, Shared: true}
		one, err := core.New(s, config, nil)
		must(t, err)
		other, err := core.New(s, config, nil)
		must(t, err)
		call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
		body := []byte(`{"userName":"anna","urn:example:Badge:1.0":{"color":"red"}}`)

		_, err = other.ReadUsers(t.Context(), "acme", []string{"u"}, func(*identityv1.User) bool { return true })
		must(t, err)
		<-time.After(500 * time.Millisecond)
		answered := make(chan error, 1)
		go func() {
			_, err := one.PutSchema(t.Context(), call.Scope, "urn:example:Badge:1.0", store.User, []byte(`{"id":"urn:example:Badge:1.0","attributes":[{"name":"color"}]}`), func(store.Schema) error { return nil })
			answered <- err
		}()
		synctest.Wait()
		<-time.After(400 * time.Millisecond)
		_, _, err = other.Write(t.Context(), call, core.Write{Type: "User", Op: core.Create, Document: body})
		must(t, err)
		must(t, <-answered)
		_, _, err = other.Write(t.Context(), call, core.Write{Type: "User", Op: core.Create, Document: body})
		must(t, err)
		if !strings.Contains(s.last, `"urn:example:Badge:1.0":{"color":"red"}`) {
			t.Errorf("after the answer %s is kept", s.last)
		}
	})
}
