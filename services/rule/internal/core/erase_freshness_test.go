package core

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Identity reports an organization that is being erased, and nobody processes that. Access must not look out of date because of it. The
// next organization with the id is followed from the beginning.
func TestNobodyWaitsForAnOrganizationInErasure(t *testing.T) {
	t.Parallel()
	const acme = "acme"
	early := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	late := early.Add(time.Hour)
	f := newFreshness(early)
	hears := func(a Activity) {
		t.Helper()
		if err := f.hears(a); err != nil {
			t.Fatal(err)
		}
	}
	hears(Activity{Cursor: "e.0.1", AsOf: early})
	hears(Activity{Cursor: "e.0.5", AsOf: early, OrganizationIDs: []string{acme}})
	f.progressed(acme, store.Progress{Checkpoint: "e.0.1", AsOf: early, Erasing: true})
	hears(Activity{Cursor: "e.0.9", AsOf: late})
	if oldest := f.oldest(); !oldest.Equal(late) {
		t.Errorf("while it is erased the oldest change is of %s", oldest)
	}
	if f.silent(acme, store.Progress{Erasing: true}) {
		t.Error("identity is asked about it")
	}
	f.progressed(acme, store.Progress{})
	if asOf := f.mark(acme).asOf(store.Progress{}); asOf.Equal(late) {
		t.Error("answers about the next organization say that they include what nobody has looked at")
	}
	f.progressed(acme, store.Progress{Checkpoint: "e.0.5", AsOf: early})
	if oldest := f.oldest(); !oldest.Equal(late) {
		t.Errorf("once all is dealt with the oldest change is of %s", oldest)
	}
}
