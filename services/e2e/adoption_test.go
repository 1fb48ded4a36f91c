package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// A directory is deleted while clients write; another takes its place and the IdP provisions again. Nothing is accepted
// once the deletion has answered, everybody keeps their id, and no access ever goes.
// Invariant 7.
func TestDirectoryDeletedUnderLoadAndReplaced(t *testing.T) {
	t.Parallel()
	for _, idp := range []simulate.IdP{simulate.Entra, simulate.Okta} {
		t.Run(string(idp), func(t *testing.T) {
			t.Parallel()
			inEveryTopology(t, func(t *testing.T, u *usher) {
				old := u.newDirectory(nil)
				config := simulate.Config{IdP: idp, Users: 60, Groups: 8, Seed: 5, Cycles: simulate.NoCycles}
				s := simulation(t, old, config)
				run(t.Context(), t, s)
				u.caughtUp()
				requireState(t, old, s.Expect())
				ids := resourceIDs(old)
				before, err := u.access().GetAccessCursor(u.ctx(), &rulev1.GetAccessCursorRequest{OrganizationId: demo})
				if err != nil {
					t.Fatal(err)
				}
				heldBefore := u.held()

				deleteUnderLoad(t, u, old)
				u.caughtUp()
				requireHeld(t, u, heldBefore)

				// A directory that replaces nothing adopts nothing.
				stranger := u.newDirectory(&directoryv1.CreateDirectoryRequest{ReplaceNone: true, Directory: &directoryv1.Directory{DisplayName: proto.String("stranger")}})
				if id := stranger.user(s.Expect().Users[0].UserName); ids[id] {
					t.Errorf("a stranger adopted %s", id)
				}

				replacement := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("again"), ReplacesId: old.id}})
				again := simulation(t, replacement, config)
				run(t.Context(), t, again)
				u.caughtUp()
				requireState(t, replacement, again.Expect())
				for id := range resourceIDs(replacement) {
					if !ids[id] {
						t.Errorf("%s has a new id", id)
					}
				}
				requireHeld(t, u, heldBefore)
				for _, change := range u.accessChanges(before.GetCursor()) {
					if change.GetKind() == rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED {
						t.Errorf("access went on the way: %v", change)
					}
				}
				finished, err := identityv1.NewAdoptionServiceClient(u.conn).FinishAdoption(u.ctx(),
					&identityv1.FinishAdoptionRequest{OrganizationId: demo, DirectoryId: replacement.id})
				if err != nil {
					t.Fatal(err)
				}
				if finished.GetRemovedCount() != 0 {
					t.Errorf("%d memberships were never confirmed, though the IdP sent them all", finished.GetRemovedCount())
				}
			})
		})
	}
}

// deleteUnderLoad deletes a directory while 16 clients create users in it, and checks that nothing which starts after the
// answer is accepted.
func deleteUnderLoad(t *testing.T, u *usher, d *directory) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var deleted atomic.Bool
	var after, made atomic.Int64
	var clients sync.WaitGroup
	underWay := make(chan struct{})
	var once sync.Once
	for c := range 16 {
		clients.Go(func() {
			for i := 0; after.Load() < 64 && ctx.Err() == nil; i++ {
				startedAfter := deleted.Load()
				a, err := d.try(ctx, "POST", "/Users", fmt.Sprintf(`{"userName":"load-%d-%d"}`, c, i))
				if err != nil {
					t.Errorf("the connection failed: %v", err)
					return
				}
				if a.status == http.StatusCreated && made.Add(1) == 50 {
					once.Do(func() { close(underWay) })
				}
				if startedAfter {
					after.Add(1)
					if a.status != http.StatusUnauthorized {
						t.Errorf("a request that started after the deletion got %d: %s", a.status, a.raw)
					}
				}
			}
		})
	}
	select {
	case <-underWay:
	case <-ctx.Done():
		t.Fatal("the load never got under way")
	}
	if _, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id}); err != nil {
		t.Errorf("deleting: %v", err)
	}
	deleted.Store(true)
	clients.Wait()
}

// resourceIDs lists the ids of a directory's users and groups.
func resourceIDs(d *directory) map[string]bool {
	ids := map[string]bool{}
	for _, path := range []string{"/Users", "/Groups"} {
		for _, r := range d.all(path) {
			ids[r["id"].(string)] = true
		}
	}
	return ids
}

// requireHeld fails unless exactly this access is effective.
func requireHeld(t *testing.T, u *usher, want map[string]bool) {
	t.Helper()
	got := u.held()
	for a := range want {
		if !got[a] {
			t.Errorf("access is gone: %s", a)
		}
	}
	for a := range got {
		if !want[a] {
			t.Errorf("access is new: %s", a)
		}
	}
}

// A revoked key lets nobody in, whichever topology; its directory's other key goes on.
func TestRevokedKey(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		second, err := u.keys().CreateApiKey(u.ctx(), &directoryv1.CreateApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, ApiKey: &directoryv1.ApiKey{}})
		if err != nil {
			t.Fatal(err)
		}
		rotated := *d
		rotated.key = second.GetSecret()
		d.send("GET", "/Users", "", http.StatusOK)
		rotated.send("GET", "/Users", "", http.StatusOK)
		if _, err := u.keys().RevokeApiKey(u.ctx(), &directoryv1.RevokeApiKeyRequest{
			OrganizationId: demo, DirectoryId: d.id, Id: second.GetApiKey().GetId(),
		}); err != nil {
			t.Fatal(err)
		}
		rotated.send("GET", "/Users", "", http.StatusUnauthorized)
		d.send("GET", "/Users", "", http.StatusOK)
	})
}
