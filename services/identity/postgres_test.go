package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// onPostgres gives a bundle a database of its own on PostgreSQL.
func onPostgres(t *testing.T) func(*identity.Config) {
	t.Helper()
	url := kit.Postgres(t, "identity", identity.Migrate)
	return func(c *identity.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
}

func TestTheServiceRunsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	b := setup(t, onPostgres(t))
	stream, err := b.feed.WatchActivity(t.Context(), &identityv1.WatchActivityRequest{})
	must(t, err)
	first, err := stream.Recv()
	must(t, err)
	equal(t, "who was active before", first.GetOrganizationIds(), []string{})

	old := b.idp(uniqueGroupNames)
	people := old.named("anna", "bob", "carl")
	group := old.group("eng", people[0], people[1]).GetId()
	old.patchGroup(group, operation("add", "members", memberValues(people[2:])), operation("remove", `members[value eq "`+people[0]+`"]`, ""))
	equal(t, "the members", old.members(group), people[1:])
	_, err = old.tryUser(`{"userName":"ANNA"}`)
	refused(t, "a userName that is taken", err, fault.Uniqueness)
	_, err = old.tryGroup(`{"displayName":"ENG"}`)
	refused(t, "a displayName that is taken", err, fault.Uniqueness)
	old.deleteDirectory()
	_, err = old.tryUser(`{"userName":"dora"}`)
	refused(t, "writing to a deleted directory", err, fault.Deleted)

	next := b.idp(replacing(old))
	adopted, err := next.tryUser(`{"userName":"anna"}`)
	must(t, err)
	equal(t, "that anna was adopted", adopted.GetResult().GetAdopted(), true)
	equal(t, "her id", adopted.GetResource().GetId(), people[0])

	// A follower that was woken continues from the cursor until it has read all records.
	last, cursor := adopted.GetResult().GetChangeCursor(), ""
	var met []*identityv1.Change
	for len(met) == 0 || met[len(met)-1].GetCursor() != last {
		r, err := b.feed.ListChanges(t.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme", AfterCursor: cursor})
		must(t, err)
		met, cursor = append(met, r.GetChanges()...), r.GetNextCursor()
		if len(r.GetChanges()) == 0 {
			_, err := stream.Recv()
			must(t, err)
		}
	}
	// Three users, the group and its two first members, the PATCH of two members, the deletion of the directory, and the adoption.
	equal(t, "how many records", len(met), 10)
}

// A failover may lose the directories that were applied last. Identity follows them again from the place that the database
// has.
func TestDirectoriesAreAppliedAgainThatADatabaseHasLost(t *testing.T) {
	t.Parallel()
	url := kit.Postgres(t, "identity", identity.Migrate)
	b := setup(t, func(c *identity.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) })
	i := b.idp()
	i.user(`{"userName":"anna"}`)

	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), `DELETE FROM usher_identity.directories; UPDATE usher_identity.followed SET revision = 0;
		UPDATE usher_identity.meta SET database = 'before the failover';
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	must(t, err)
	for deadline := time.Now().Add(30 * time.Second); ; {
		_, err := i.tryUser(`{"userName":"bob"}`)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
