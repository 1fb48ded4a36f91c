package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// parking is a store in which a list waits after its first step, until the test continues it.
type parking struct {
	store.Store
	parked chan struct{}
	open   chan struct{}
}

func (p parking) park(ctx context.Context) {
	select {
	case p.parked <- struct{}{}:
	case <-ctx.Done():
	}
	select {
	case <-p.open:
	case <-ctx.Done():
	}
}

func (p parking) Page(ctx context.Context, scope store.Scope, t store.Type, order store.Order, skip, limit int64, bytes int) ([]store.Resource, error) {
	if skip > 0 {
		p.park(ctx)
	}
	return p.Store.Page(ctx, scope, t, order, skip, limit, bytes)
}

func (p parking) List(ctx context.Context, scope store.Scope, t store.Type, after string, limit, bytes int) ([]store.Resource, error) {
	if after != "" {
		p.park(ctx)
	}
	return p.Store.List(ctx, scope, t, after, limit, bytes)
}

func sqliteStore(t *testing.T) store.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// listing creates a core whose lists have a budget.
func listing(t *testing.T, s store.Store, lists *inflight.Budget) *core.Core {
	t.Helper()
	domain, err := core.New(s, core.Config{
		Tuning:        core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20, SearchLimit: 1000},
		DocumentBytes: 1 << 20, ScanLimit: 1000, Now: time.Now, Lists: lists,
	}, nil)
	must(t, err)
	return domain
}

// createLarge creates users with documents of this size.
func createLarge(t *testing.T, domain *core.Core, call core.Call, count, document int) {
	t.Helper()
	for i := range count {
		text := strings.Repeat("x", document/4)
		created(t, domain, call, "User", fmt.Sprintf(`{"userName":"u%d","title":%q,"nickName":%q,"locale":%q,"timezone":%q}`, i, text, text, text, text))
	}
}

// Lists of large documents take the memory that is set aside for them, and no more. Lists of other directories have their
// own share.
func TestListsOfLargeDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	const document, share = 400 << 10, 6 << 20
	for name, c := range map[string]struct {
		q    *identityv1.ListQuery
		fits int // how many lists fit
	}{
		// Each list has read one document, in two copies.
		"a page by index":  {&identityv1.ListQuery{}, share / (2 * document)},
		"a page by cursor": {&identityv1.ListQuery{Cursor: new(string)}, share / (2 * document)},
		// Each list reserves at least 6 MiB.
		"a filter without an index": {&identityv1.ListQuery{Filter: `nickName co "nobody"`}, 1},
		"an order without an index": {&identityv1.ListQuery{SortBy: "nickName"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := parking{sqliteStore(t), make(chan struct{}), make(chan struct{})}
			domain := listing(t, p, inflight.New(2*share, share))
			calls := map[string]core.Call{}
			for revision, directory := range []string{"large", "other"} {
				must(t, domain.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: directory}, store.Place{Revision: int64(revision + 1)}))
				call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: directory}}
				createLarge(t, domain, call, 2, document)
				calls[directory] = call
			}
			var lists sync.WaitGroup
			for range c.fits {
				lists.Go(func() { _, _ = domain.List(t.Context(), calls["large"], "User", c.q) })
			}
			for range c.fits {
				<-p.parked
			}
			soon, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a list that is not refused waits with the others
			defer cancel()
			if _, err := domain.List(soon, calls["large"], "User", c.q); !fault.Is(err, fault.Limit) {
				t.Errorf("one list more than there is memory for gives %v", err)
			}
			lists.Go(func() { _, _ = domain.List(t.Context(), calls["other"], "User", c.q) })
			<-p.parked // it has read its first document
			close(p.open)
			go func() { // ends with the test
				for range p.parked { // no more lists wait
				}
			}()
			lists.Wait()
			if _, err := domain.List(t.Context(), calls["large"], "User", c.q); err != nil {
				t.Errorf("when no other list runs: %v", err)
			}
			close(p.parked)
		})
	}
}

// Searches and counts of one organization take the memory of lists, too, and no more than one organization may have.
func TestSearchesAndCountsOfLargeDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	const document, share = 400 << 10, 6 << 20
	lists := inflight.New(2*share, share)
	domain := listing(t, sqliteStore(t), lists)
	for revision, organization := range []string{"acme", "other"} {
		must(t, domain.ApplyDirectory(t.Context(), store.Directory{OrganizationID: organization, ID: organization}, store.Place{Revision: int64(revision + 1)}))
		createLarge(t, domain, core.Call{Scope: store.Scope{OrganizationID: organization, DirectoryID: organization}}, 2, document)
	}
	calls := map[string]func(organization string) error{
		"a search": func(organization string) error {
			_, _, err := domain.SearchUsers(t.Context(), core.PeopleSearch{OrganizationID: organization, Query: "u", Limit: 10})
			return err
		},
		"a count": func(organization string) error {
			_, _, err := domain.CountFiltered(t.Context(), organization, "title pr")
			return err
		},
	}
	used := lists.OpenOrganization("acme")
	must(t, used.Reserve(share))
	for name, call := range calls {
		if err := call("acme"); !fault.Is(err, fault.Limit) {
			t.Errorf("%s without memory gives %v", name, err)
		}
		if err := call("other"); err != nil {
			t.Errorf("%s of another organization gives %v", name, err)
		}
	}
	used.Close()
	for name, call := range calls {
		if err := call("acme"); err != nil {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if left := lists.Bytes(); left != 0 {
		t.Errorf("%d bytes are still reserved", left)
	}
}
