package postgres

import (
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// counter is a proxy in front of PostgreSQL. It counts the requests after which a client waits for an answer.
type counter struct{ waits atomic.Int64 }

// throughCounter opens a new database through a counter. Nothing runs in the background.
func throughCounter(t *testing.T) (*Store, *counter) {
	t.Helper()
	url := kit.Postgres(t, "identity", Migrate)
	config, err := pgx.ParseConfig(url)
	must(t, err)
	// The folder of the test may have a name that is too long for a socket.
	folder, err := os.MkdirTemp("", "usher-count")
	must(t, err)
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "unix", filepath.Join(folder, ".s.PGSQL.5432"))
	must(t, err)
	c := &counter{}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { c.forward(client, filepath.Join(config.Host, ".s.PGSQL.5432")) })
		}
	})
	s, err := Open(t.Context(), pgdb.Server{URL: strings.Replace(url, "host="+config.Host, "host="+folder, 1)})
	must(t, err)
	s.folder.close()
	s.wakeup.Close()
	t.Cleanup(func() {
		must(t, s.Close())
		must(t, listener.Close())
		serving.Wait()
		must(t, os.RemoveAll(folder))
	})
	return s, c
}

// forward connects a client with the server until one of them closes.
func (c *counter) forward(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("unix", address)
	if err != nil {
		return
	}
	defer server.Close()
	var answering sync.WaitGroup
	answering.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	defer answering.Wait()
	defer server.Close()
	sent := pgproto3.NewBackend(io.TeeReader(client, server), io.Discard)
	if _, err := sent.ReceiveStartupMessage(); err != nil {
		return
	}
	for {
		message, err := sent.Receive()
		if err != nil {
			return
		}
		switch message.(type) {
		case *pgproto3.Sync, *pgproto3.Query:
			c.waits.Add(1)
		}
	}
}

// All statements are prepared before: preparing costs one round trip per connection.
func TestEachCallTakesItsRoundTrips(t *testing.T) {
	t.Parallel()
	s, c := throughCounter(t)
	ctx, cause := t.Context(), store.Cause{Time: time.Unix(1, 0)}
	old, scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}, store.Scope{OrganizationID: "acme", DirectoryID: "d2"}
	must(t, s.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}, store.Cause{}))
	must(t, s.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d2", UniqueGroupNames: true}, store.Place{Revision: 2}, store.Cause{}))
	user := func(scope store.Scope, id string) store.Resource {
		return store.Resource{Type: store.User,
			Scope: scope, ID: id, NameFolded: id, ExternalID: id, Document: []byte("{}"), Version: 1,
			Search: []scim.SearchValue{{Attribute: "emails", Value: id}},
		}
	}
	group := func(id string) store.Resource {
		return store.Resource{Type: store.Group, Scope: scope, ID: id, NameFolded: id, Document: []byte("{}"), Version: 1}
	}
	edit := func(id string, edits ...store.MemberEdit) error {
		return second(s.Update(ctx, store.Resource{Type: store.Group, Scope: scope, ID: id}, edits, cause))
	}
	add := func(ids ...string) store.MemberEdit { return store.MemberEdit{Kind: scim.AddMembers, IDs: ids} }
	remove := func(ids ...string) store.MemberEdit { return store.MemberEdit{Kind: scim.RemoveMembers, IDs: ids} }
	for _, id := range []string{"anna", "bob", "carl"} {
		must(t, second(s.Create(ctx, user(scope, id), nil, cause)))
	}
	must(t, second(s.Create(ctx, group("club"), nil, cause)))
	names := []string{"a", "b", "c"}
	for _, name := range names {
		must(t, second(s.Create(ctx, user(old, "old-"+name), nil, cause)))
		must(t, second(s.Create(ctx, group("large-"+name), nil, cause)))
	}
	for _, call := range []struct {
		name string
		most int64
		call func(name string) error
	}{
		{"creating a user", 1, func(name string) error { return second(s.Create(ctx, user(scope, name), nil, cause)) }},
		{"a userName that is taken", 1, func(name string) error {
			u := user(scope, name+"-second")
			u.NameFolded = name
			_, err := s.Create(ctx, u, nil, cause)
			if err == nil {
				return errors.New("it was not refused")
			}
			return nil
		}},
		{"updating a user", 1, func(name string) error { return second(s.Update(ctx, user(scope, name), nil, cause)) }},
		{"a lost compare-and-set", 1, func(name string) error {
			if _, err := s.Update(ctx, user(scope, name), nil, cause); !errors.Is(err, store.ErrChanged) {
				return err
			}
			return nil
		}},
		{"adopting a user", 1, func(name string) error { return second(s.Adopt(ctx, "d1", user(scope, "old-"+name), nil, cause)) }},
		{"creating a group with users", 1, func(name string) error {
			return second(s.Create(ctx, group(name), []store.MemberEdit{add("anna", "bob")}, cause))
		}},
		{"updating a group's document", 1, func(name string) error { return second(s.Update(ctx, group(name), nil, cause)) }},
		{"adding a user", 1, func(name string) error { return edit(name, add("carl")) }},
		{"removing two users", 1, func(name string) error { return edit(name, remove("carl", "anna")) }},
		{"adding and removing", 1, func(name string) error { return edit(name, add("carl", "anna"), remove("bob")) }},
		{"adding a group", 16, func(name string) error { return edit("large-"+name, add("club")) }},
		{"reading a user", 1, func(string) error { return second(s.Get(ctx, scope, store.User, store.Selector{ID: "anna"}, false)) }},
		{"reading a user with its groups", 1, func(string) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{Name: "anna"}, true))
		}},
		{"reading the groups of many users", 1, func(string) error { return second(s.UserGroups(ctx, scope, []string{"anna", "bob"})) }},
		{"reading facts", 1, func(string) error {
			return second(s.Facts(ctx, "acme", []string{"anna", "bob"}, store.FactsBounds{Bytes: 1000, Edges: 100}))
		}},
		{"reading statuses", 1, func(string) error { return second(s.Summaries(ctx, "acme", store.User, []string{"anna", "bob"})) }},
		{"counting users", 1, func(string) error { return second(s.Count(ctx, scope, store.User)) }},
		{"totals of all directories", 1, func(string) error { return second(s.Totals(ctx, "acme", "", 1000)) }},
		{"milestones of all directories", 1, func(string) error { return second(s.Milestones(ctx, "acme", []string{"d1", "d2"})) }},
		{"reading a page of users", 1, func(string) error {
			return second(s.Page(ctx, scope, store.User, store.Order{}, 0, 100, math.MaxInt32))
		}},
		{"deleting a user", 9, func(name string) error { return second(s.Delete(ctx, scope, store.User, name, nil, cause)) }},
	} {
		least := int64(1 << 20) // the pool may check whether a connection is alive, and the first call prepares
		for _, name := range names {
			before := c.waits.Load()
			if err := call.call(name); err != nil {
				t.Errorf("%s: %v", call.name, err)
			}
			least = min(least, c.waits.Load()-before)
		}
		if least > call.most {
			t.Errorf("%s took %d round trips, not %d", call.name, least, call.most)
		}
	}
}
