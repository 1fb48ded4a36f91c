package postgres

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// Otherwise two gateways, or a gateway and an admin, could wait for each other.
func TestUsesWaitForNoOtherTransaction(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), pgdb.Server{URL: kit.Postgres(t, "directory", Migrate)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	now := time.Now().UTC().Truncate(time.Microsecond)
	key := store.Key{OrganizationID: "acme", DirectoryID: "d1", ID: "k1", Digest: sha256.Sum256(nil), CreateTime: now}
	directory := store.Directory{OrganizationID: "acme", ID: "d1", CreateTime: now, UpdateTime: now}
	record := func(ctx context.Context) error {
		return s.RecordUses(ctx, []store.Use{{Digest: key.Digest, LastUse: store.LastUse{Time: now}}}, []store.Refusals{{DirectoryID: "d1", Count: 1, LastTime: now}})
	}
	err = s.UpdateAll(t.Context(), func(ctx context.Context, tx store.AllTx) error {
		_, err := tx.CreateOrganization(ctx, store.Organization{ID: "acme", Federated: true, CreateTime: now, UpdateTime: now})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(ctx context.Context, tx store.Tx) error{
		func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.CreateDirectory(ctx, directory); err != nil {
				return err
			}
			return tx.CreateKey(ctx, key)
		},
		func(ctx context.Context, tx store.Tx) error {
			if err := tx.PutKey(ctx, key); err != nil {
				return err
			}
			if _, err := tx.PutDirectory(ctx, directory); err != nil {
				return err
			}
			return record(ctx) // on another connection, and so blocked for ever if it waited
		},
		func(context.Context, store.Tx) error { return nil },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := s.Update(ctx, "acme", step)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := record(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, d, err := s.Resolve(t.Context(), key.Digest)
	if err != nil || !got.LastUse.Time.Equal(now) || d.RefusedCount != 1 {
		t.Errorf("%+v, %+v, %v", got, d, err)
	}
}
