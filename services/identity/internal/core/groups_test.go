package core_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// interrupted is a store in which another client renames the group just before its members are edited, once.
type interrupted struct {
	store.Store
	rename func()
}

func (s *interrupted) Update(ctx context.Context, g store.Resource, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	if rename := s.rename; rename != nil {
		s.rename = nil
		rename()
	}
	return s.Store.Update(ctx, g, edits, cause)
}

// If a response showed the old name under the new ETag, its client could overwrite the new name unseen.
func TestAnEditedGroupIsShownAsItIsUnderItsVersion(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s := &interrupted{Store: db}
	c, err := core.New(s, core.Config{Tuning: core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, DocumentBytes: 1 << 20, Now: time.Now}, nil)
	must(t, err)
	call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
	must(t, c.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}))
	user := created(t, c, call, "User", `{"userName":"anna"}`)
	group := created(t, c, call, "Group", `{"displayName":"before"}`)
	s.rename = func() {
		_, _, err := c.Write(ctx, call, core.Write{
			Type: "Group", Op: core.Patch, ID: group.GetId(), Omit: true, Document: patchOp(`{"op":"replace","path":"displayName","value":"after"}`),
		})
		must(t, err)
	}
	shown, _, err := c.Write(ctx, call, core.Write{
		Type: "Group", Op: core.Patch, ID: group.GetId(), Document: patchOp(`{"op":"add","path":"members","value":[{"value":"` + user.GetId() + `"}]}`),
	})
	must(t, err)
	if shown.GetVersion() != 3 || !strings.Contains(string(shown.GetDocument()), `"after"`) {
		t.Errorf("version %d is shown as %s", shown.GetVersion(), shown.GetDocument())
	}
}

// late is a store that lists carried memberships once more after they were removed, like a read that was late.
type late struct {
	store.Store
	listed []store.CarriedMember
}

func (s *late) CarriedMembers(ctx context.Context, scope store.Scope, afterGroup, afterMember string, limit int) ([]store.CarriedMember, error) {
	if listed := s.listed; listed != nil {
		s.listed = nil
		return listed, nil
	}
	members, err := s.Store.CarriedMembers(ctx, scope, afterGroup, afterMember, limit)
	s.listed = members
	return members, err
}

func TestFinishingAnAdoptionReturnsTheCursorAfterItsRemovals(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	c, err := core.New(&late{Store: db}, core.Config{Tuning: core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, DocumentBytes: 1 << 20, Now: time.Now}, nil)
	must(t, err)
	old := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
	call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d2"}}
	must(t, c.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}))
	user := created(t, c, old, "User", `{"userName":"anna"}`)
	const members = `{"displayName":"eng","members":[{"value":"`
	created(t, c, old, "Group", members+user.GetId()+`"}]}`)
	must(t, c.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1", Closed: true}, store.Place{Revision: 2}))
	must(t, c.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d2", ReplacesID: "d1"}, store.Place{Revision: 3}))
	created(t, c, call, "Group", `{"displayName":"eng"}`)
	_, cursor, err := c.FinishAdoption(ctx, call)
	must(t, err)
	if _, end, err := c.Cursor(ctx); err != nil || cursor != end {
		t.Errorf("the cursor is %q, want %q (error %v)", cursor, end, err)
	}
}

// created creates a resource.
func created(t *testing.T, c *core.Core, call core.Call, resourceType, document string) *identityv1.Resource {
	t.Helper()
	r, _, err := c.Write(t.Context(), call, core.Write{Type: resourceType, Op: core.Create, Document: []byte(document)})
	must(t, err)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func patchOp(operation string) []byte {
	return []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`)
}
