package core_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/scim"
)

// memberless is a store that refuses to read the members of a group.
type memberless struct{ store.Store }

func (memberless) Members(context.Context, store.Scope, string, string, int) ([]scim.Member, error) {
	return nil, errors.New("members were read")
}

// Before Entra ID adds a user to a group, it asks whether the user is in it. For a group of 250,000 members, this must not
// read them all.
func TestAQueryForOneMemberDoesNotReadAllMembers(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	c, err := core.New(memberless{db}, core.Config{Tuning: core.Tuning{ReadyWait: time.Second, PageBytes: 1 << 20}, DocumentBytes: 1 << 20, ScanLimit: 1000, Now: time.Now}, nil)
	must(t, err)
	must(t, c.ApplyDirectory(t.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}))
	call := core.Call{Scope: store.Scope{OrganizationID: "acme", DirectoryID: "d1"}}
	call.Projection, err = core.ParseProjection(nil, []string{"members"})
	must(t, err)
	anna := created(t, c, call, "User", `{"userName":"anna"}`)
	bob := created(t, c, call, "User", `{"userName":"bob"}`)
	group := created(t, c, call, "Group", `{"displayName":"eng","members":[{"value":"`+anna.GetId()+`"}]}`)
	for _, filter := range []string{
		`id eq "` + group.GetId() + `" and members eq "USER"`, `members[value eq "USER"] and id eq "` + group.GetId() + `"`, `members.value eq "USER"`,
	} {
		for id, want := range map[string]int{anna.GetId(): 1, bob.GetId(): 0} {
			for _, cursor := range []*string{nil, new(string)} {
				p, err := c.List(t.Context(), call, "Group", &identityv1.ListQuery{Filter: strings.ReplaceAll(filter, "USER", id), Cursor: cursor})
				must(t, err)
				if len(p.GetResources()) != want || p.GetTotalResults() != int64(want) {
					t.Errorf("%s: %d of %d, want %d", filter, len(p.GetResources()), p.GetTotalResults(), want)
				}
			}
		}
	}
}
