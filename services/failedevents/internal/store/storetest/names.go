package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// named returns an event about a resource with a name that is in conflict with another.
func named(id string, seconds int, resource, subject, conflictingID, conflicting string) store.Event {
	e := at(id, seconds)
	e.ResourceID, e.Subject, e.ConflictingResourceID, e.ConflictingName = resource, subject, conflictingID, conflicting
	return e
}

// eraseNames erases names until there are none.
func eraseNames(t *testing.T, s store.Store, organization string, limit int, users ...store.DeletedUser) (steps int) {
	t.Helper()
	for ; ; steps++ {
		n, err := s.EraseNames(t.Context(), organization, users, limit)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return steps
		}
	}
}

// names returns the names of events of acme: those of each after its id.
func names(t *testing.T, s store.Store, organization string) map[string][2]string {
	t.Helper()
	events, err := s.Events(t.Context(), organization, store.Filter{}, store.Place{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][2]string{}
	for _, e := range events {
		all[e.ID] = [2]string{e.Subject, e.ConflictingName}
	}
	return all
}

func erasesNames(t *testing.T, s store.Store) {
	theirs := named("a", 1, "u1", "Ann", "", "")
	theirs.OrganizationID = "other"
	record(t, s, theirs,
		named("by id", 1, "u1", "new-name", "u2", "bob"),
		named("by name", 1, "", "ANN", "u2", "bob"),
		named("conflicting by id", 1, "", "carl", "u1", "old-name"),
		named("conflicting by name", 1, "", "carl", "", "aNN"),
		named("later", 3, "u1", "ann", "u1", "ann"),
		named("of others", 1, "u3", "anna", "u4", "ann2"),
		named("many 1", 1, "u1", "Ann", "", ""), named("many 2", 1, "u1", "Ann", "", ""))
	ann := store.DeletedUser{ID: "u1", NameKey: store.NameKey("acme", "ann"), Until: at("", 2).Time}
	if steps := eraseNames(t, s, "acme", 1, ann, store.DeletedUser{ID: "u9", Until: at("", 2).Time}); steps < 2 {
		t.Errorf("it took %d steps", steps)
	}
	expect(t, "the names", names(t, s, "acme"), map[string][2]string{
		"by id": {"", "bob"}, "by name": {"", "bob"}, "conflicting by id": {"carl", ""}, "conflicting by name": {"carl", ""},
		"later": {"ann", "ann"}, "of others": {"anna", "ann2"}, "many 1": {"", ""}, "many 2": {"", ""},
	})
	expect(t, "the names of others", names(t, s, "other"), map[string][2]string{"a": {"Ann", ""}})
	e, err := s.Event(t.Context(), "acme", "conflicting by id")
	if err != nil || e.ConflictingResourceID != "u1" {
		t.Errorf("the id became %q: %v", e.ConflictingResourceID, err)
	}
}

func recordsNoErasedName(t *testing.T, s store.Store) {
	ann := store.DeletedUser{ID: "u1", NameKey: store.NameKey("acme", "ann"), Until: at("", 2).Time}
	eraseNames(t, s, "acme", 10, ann)
	earlier := ann
	earlier.Until = at("", 1).Time
	eraseNames(t, s, "acme", 10, earlier) // a repeated report changes nothing
	theirs := named("a", 1, "u1", "ann", "", "")
	theirs.OrganizationID = "other"
	record(t, s, theirs, named("by id", 2, "u1", "x", "u2", "bob"), named("by name", 2, "", "Ann", "u1", "y"), named("conflicting", 2, "", "z", "", "ann"),
		named("later", 3, "u1", "ann", "u1", "ann"))
	expect(t, "the names", names(t, s, "acme"), map[string][2]string{
		"by id": {"", "bob"}, "by name": {"", ""}, "conflicting": {"z", ""}, "later": {"ann", "ann"},
	})
	expect(t, "the names of others", names(t, s, "other"), map[string][2]string{"a": {"ann", ""}})
}

func trimsErasedNames(t *testing.T, s store.Store) {
	for n := range 3 {
		eraseNames(t, s, "acme", 10, store.DeletedUser{ID: fmt.Sprint("u", n), NameKey: fmt.Sprint("key", n), Until: at("", n).Time})
	}
	for _, want := range []int{3, 1, 0} {
		n, err := s.TrimErasedNames(t.Context(), at("", 2).Time, 3)
		if err != nil || n != want {
			t.Errorf("%d were forgotten: %v", n, err)
		}
	}
	record(t, s, named("forgotten", 0, "u1", "x", "", ""), named("known", 0, "u2", "x", "", ""))
	expect(t, "the names", names(t, s, "acme"), map[string][2]string{"forgotten": {"x", ""}, "known": {"", ""}})
}

func erasesNamesBesideRecording(t *testing.T, s store.Store) {
	const many = 30
	var running sync.WaitGroup
	for r := range 2 {
		running.Go(func() {
			for n := range many {
				if _, err := s.Record(t.Context(), []store.Event{named(fmt.Sprint("e", r, "-", n), 1, "u1", "ann", "", "")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	eraseNames(t, s, "acme", 5, store.DeletedUser{ID: "u1", Until: start().Add(time.Hour)})
	running.Wait()
	for id, names := range names(t, s, "acme") {
		if names[0] != "" {
			t.Errorf("%s has the name %q", id, names[0])
		}
	}
}
