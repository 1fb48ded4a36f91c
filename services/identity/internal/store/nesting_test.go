package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// A message may contain a thousand adds of thousands of members each, and they are joined inside a transaction.
func TestAddsBecomeOneWithoutBeingCopiedForEachOfThem(t *testing.T) {
	edits := make([]store.MemberEdit, 1000)
	for i := range edits {
		edits[i] = store.MemberEdit{Kind: scim.AddMembers, IDs: []string{fmt.Sprint(i)}}
	}
	if made := testing.AllocsPerRun(3, func() { store.Together(edits) }); made > 50 {
		t.Errorf("%v allocations", made)
	}
}

func TestEditsThatBecomeOneStayWhatTheyWere(t *testing.T) {
	t.Parallel()
	ids := []string{"a", "b"}
	edits := []store.MemberEdit{
		{Kind: scim.AddMembers, IDs: ids[:1]}, {Kind: scim.AddMembers, IDs: []string{"c"}}, {Kind: scim.RemoveMembers, IDs: ids[1:]},
		{Kind: scim.AddMembers, IDs: []string{"d"}},
	}
	together := store.Together(edits)
	got := make([]string, 0, len(together))
	for _, e := range together {
		got = append(got, fmt.Sprint(e.Kind, e.IDs))
	}
	want := []string{fmt.Sprint(scim.AddMembers, []string{"a", "c"}), fmt.Sprint(scim.RemoveMembers, []string{"b"}), fmt.Sprint(scim.AddMembers, []string{"d"})}
	if !slices.Equal(got, want) || !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("%v of %v, not %v", got, ids, want)
	}
}
