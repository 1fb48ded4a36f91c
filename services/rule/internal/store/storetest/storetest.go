// Package storetest is the test suite that every engine of the rule service's store passes.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Engine opens databases of one kind.
type Engine struct {
	// Open opens a new, empty database that ends with the test.
	Open func(t *testing.T) store.Store
	// Reopen closes a store from Open, as the end of its process would, and opens its database again.
	Reopen func(t *testing.T, s store.Store) store.Store
	// Beside opens the database of a store from Open again, as another process would. It is nil if only one process at a time may
	// open a database: then the tests for several processes do not run.
	Beside func(t *testing.T, s store.Store) store.Store
	// Rows counts the rows of an organization in a store's database, by table, for all tables with rows of organizations in the
	// database's own catalogue.
	Rows func(t *testing.T, s store.Store, organizationID string) map[string]int
}

// Run runs the suite.
func Run(t *testing.T, engine Engine) {
	subjects := []subject{
		{"Update", testUpdate},
		{"Tenants", testTenants},
		{"Roles", testRoles},
		{"Rules", testRules},
		{"Holders", testHolders},
		{"Access", testAccess},
		{"Effective", testEffective},
		{"Feed", testFeed},
		{"Trimming", testTrimming},
		{"ChangesOf", testChangesOf},
		{"Ownership", testOwnership},
		{"Checkpoint", testCheckpoint},
		{"Expansions", testExpansions},
		{"Syncs", testSyncs},
		{"RuleChanges", testRuleChanges},
		{"Loads", testLoads},
		{"Reports", testReports},
		{"Follower", testFollower},
		{"FirstUpdates", testFirstUpdates},
		{"Fencing", testFencing},
		{"Differences", testDifferences},
		{"Catalogue", testCatalogue},
		{"SetAside", testSetAside},
		{"Suspensions", testSuspensions},
		{"Progress", testProgress},
		{"Detached", testDetached},
		{"Marks", testMarks},
		{"FirstSources", testFirstSources},
		{"Erasing", testErasing},
	}
	if engine.Beside != nil {
		subjects = append(subjects, processes...)
	}
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.test(t, engine)
		})
	}
}

// subject is a part of the contract.
type subject struct {
	name string
	test func(t *testing.T, e Engine)
}

const (
	acme  = "acme"
	other = "other"
)

// noon is a time that every engine stores exactly.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get fails the test if a read fails.
func get[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		must(t, err)
		return value
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %v, not %v", what, got, want)
	}
}

func refused(t *testing.T, err error, reason fault.Reason) {
	t.Helper()
	if !fault.Is(err, reason) {
		t.Fatalf("got %v, not %s", err, fault.ReasonName(reason))
	}
}

// update runs fn on acme.
func update(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	must(t, s.Update(t.Context(), acme, fn))
}

// patient returns a context with the time that a test waits for what must happen.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// arrive waits for what must happen.
func arrive[T any](t *testing.T, what string, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-patient(t).Done():
		t.Fatalf("waited in vain for %s", what)
	}
	return value
}

var errStop = errors.New("stop")
