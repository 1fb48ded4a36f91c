package core_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// parking holds up who reads on after a first step, until it is opened.
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

func (p parking) UserPage(ctx context.Context, scope store.Scope, order store.Order, skip, limit int64, bytes int) ([]store.User, error) {
	if skip > 0 {
		p.park(ctx)
	}
	return p.Store.UserPage(ctx, scope, order, skip, limit, bytes)
}

func (p parking) Users(ctx context.Context, scope store.Scope, after string, limit, bytes int) ([]store.User, error) {
	if after != "" {
		p.park(ctx)
	}
	return p.Store.Users(ctx, scope, after, limit, bytes)
}

// Lists of large documents take what memory there is for them, and no more; those of others have theirs.
func TestListsOfLargeDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]core.Query{
		"a page by index":           {},
		"a page by cursor":          {Cursor: new(string)},
		"a filter without an index": {Filter: `nickName co "nobody"`},
		"an order without an index": {SortBy: "nickName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "identity.db"), noop.NewTracerProvider())
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			const pageBytes, document, share = 1 << 20, 900 << 10, 6 << 20
			p := parking{db, make(chan struct{}), make(chan struct{})}
			c, err := core.New(p, core.Config{
				ReadyWait: time.Second, PageBytes: pageBytes, DocumentBytes: 1 << 20, ScanLimit: 1000, Now: time.Now, Lists: inflight.New(2*share, share),
			}, nil)
			must(t, err)
			calls := map[string]core.Call{}
			for revision, directory := range []string{"large", "other"} {
				must(t, c.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: directory}, store.Place{Revision: int64(revision + 1)}))
				call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: directory}}
				for i := range 2 {
					text := strings.Repeat("x", document/4)
					_, _, err := c.CreateUser(t.Context(), call, fmt.Appendf(nil, `{"userName":"u%d","title":%q,"nickName":%q,"locale":%q,"timezone":%q}`, i, text, text, text, text))
					must(t, err)
				}
				calls[directory] = call
			}
			// Each of them has read one document, of which there are two copies.
			const fits = share / (2 * document)
			var lists sync.WaitGroup
			for range fits {
				lists.Go(func() { _, _ = c.Users(t.Context(), calls["large"], q) })
			}
			for range fits {
				<-p.parked
			}
			soon, cancel := context.WithTimeout(t.Context(), 20*time.Second) // one that is not refused waits with the others
			defer cancel()
			if _, err := c.Users(soon, calls["large"], q); !fault.Is(err, fault.Limit) {
				t.Errorf("one list more than there is memory for gives %v", err)
			}
			lists.Go(func() { _, _ = c.Users(t.Context(), calls["other"], q) })
			<-p.parked // it has got its first document
			close(p.open)
			go func() { // ends with the test
				for range p.parked { // nobody is held up any more
				}
			}()
			lists.Wait()
			if _, err := c.Users(t.Context(), calls["large"], q); err != nil {
				t.Errorf("when no other list is under way: %v", err)
			}
			close(p.parked)
		})
	}
}
