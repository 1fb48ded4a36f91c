package core_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/fault"
)

// watched is a store that counts how often directories are read.
type watched struct {
	store.Store
	reads atomic.Int64
}

func (s *watched) Directory(ctx context.Context, scope store.Scope) (store.Directory, error) {
	s.reads.Add(1)
	return s.Store.Directory(ctx, scope)
}

func (s *watched) Ancestors(ctx context.Context, scope store.Scope) ([]string, error) {
	s.reads.Add(1)
	return s.Store.Ancestors(ctx, scope)
}

// replicas returns two processes on one database, in an organization with a directory.
func replicas(t *testing.T) (s *watched, one, other *core.Core, call core.Call) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s = &watched{Store: db}
	config := core.Config{Tuning: core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, DocumentBytes: 1 << 20, Now: time.Now}
	one, err = core.New(s, config, nil)
	must(t, err)
	other, err = core.New(s, config, nil)
	must(t, err)
	must(t, one.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}))
	return s, one, other, core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
}

func TestADirectoryIsNotReadForEachRequest(t *testing.T) {
	t.Parallel()
	s, c, _, call := replicas(t)
	begun := time.Now()
	user := created(t, c, call, "User", `{"userName":"anna"}`)
	requests := int64(1)
	for range 100 {
		_, err := c.Get(t.Context(), call, "User", user.GetId())
		must(t, err)
		requests++
	}
	// A cached value is valid for a second.
	if most := 1 + int64(time.Since(begun)/time.Second); s.reads.Load() > most {
		t.Errorf("%d requests read the directory %d times, not %d", requests, s.reads.Load(), most)
	}
}

func TestAnAppliedChangeIsVisibleAtOnce(t *testing.T) {
	t.Parallel()
	_, c, _, call := replicas(t)
	_, err := c.List(t.Context(), call, "User", &identityv1.ListQuery{})
	must(t, err)
	must(t, c.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d1", Closed: true}, store.Place{Revision: 2}))
	if _, err := c.List(t.Context(), call, "User", &identityv1.ListQuery{}); !fault.Is(err, fault.Deleted) {
		t.Errorf("a closed directory is listed (error %v)", err)
	}
}

func TestAChangeAppliedByAnotherProcessIsVisibleSoonAndToWritesAtOnce(t *testing.T) {
	t.Parallel()
	_, one, other, call := replicas(t)
	_, err := other.List(t.Context(), call, "User", &identityv1.ListQuery{})
	must(t, err)
	must(t, one.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d1", Closed: true}, store.Place{Revision: 2}))
	if _, _, err := other.Write(t.Context(), call, core.Write{Type: "User", Op: core.Create, Document: []byte(`{"userName":"anna"}`)}); !fault.Is(err, fault.Deleted) {
		t.Errorf("a user was created in a closed directory (error %v)", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := other.List(t.Context(), call, "User", &identityv1.ListQuery{})
		if fault.Is(err, fault.Deleted) {
			return
		}
		must(t, err)
		if time.Now().After(deadline) {
			t.Fatal("the other process never saw that the directory was closed")
		}
	}
}
