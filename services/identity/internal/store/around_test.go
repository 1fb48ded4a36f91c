package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// reachable finds the groups above one in a simple way.
func reachable(edges []store.Edge, from string) []string {
	found := map[string]bool{}
	for open := []string{from}; len(open) > 0; {
		next := open[0]
		open = open[1:]
		for _, e := range edges {
			if e.Member == next && !found[e.Group] {
				found[e.Group] = true
				open = append(open, e.Group)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// longest is the number of groups in the longest chain above one that repeats no group.
func longest(edges []store.Edge, from string, met map[string]bool) int {
	most := 0
	for _, e := range edges {
		if e.Member == from && !met[e.Group] {
			met[e.Group] = true
			most = max(most, 1+longest(edges, e.Group, met))
			delete(met, e.Group)
		}
	}
	return most
}

func TestAroundFindsWhatAWalkFinds(t *testing.T) {
	t.Parallel()
	for seed := range 300 {
		random := rand.New(rand.NewPCG(7, uint64(seed)))
		var edges []store.Edge
		for range random.IntN(30) {
			a, b := random.IntN(12), random.IntN(12)
			if seed%2 == 0 && a > b { // half of them without cycles
				a, b = b, a
			}
			if a != b || seed%2 == 1 {
				edges = append(edges, store.Edge{Member: fmt.Sprint("g", a), Group: fmt.Sprint("g", b)})
			}
		}
		for u := range 4 {
			for range random.IntN(4) {
				edges = append(edges, store.Edge{Member: fmt.Sprint("u", u), Group: fmt.Sprint("g", random.IntN(12))})
			}
		}
		a := store.NewAround(edges)
		for _, id := range []string{"u0", "u1", "u2", "u3", "g0", "g5", "nobody"} {
			got, want := a.Groups(id), reachable(edges, id)
			if !slices.Equal(got, want) {
				t.Fatalf("%v: %s is in %v, not %v", edges, id, got, want)
			}
			if beyond := a.Beyond(id); beyond != "" {
				t.Fatalf("%v: %s", edges, beyond)
			}
		}
	}
}

func TestTheHeightOfAChainIsItsLongestPath(t *testing.T) {
	t.Parallel()
	for seed := range 200 {
		random := rand.New(rand.NewPCG(8, uint64(seed)))
		// A chain of about 30 groups, with links across and upwards; half of the chains have a cycle at the top.
		length := 28 + random.IntN(8)
		var edges []store.Edge
		in := func(a, b int) {
			edges = append(edges, store.Edge{Member: fmt.Sprintf("g%02d", a), Group: fmt.Sprintf("g%02d", b)})
		}
		for i := range length - 1 {
			in(i, i+1)
		}
		for range 3 {
			a := random.IntN(length - 1)
			in(a, a+1+random.IntN(length-1-a))
		}
		if seed%2 == 1 {
			in(length-1, length-2)
		}
		first := random.IntN(4)
		edges = append(edges, store.Edge{Member: "user", Group: fmt.Sprintf("g%02d", first)})
		want := ""
		if longest(edges, "user", map[string]bool{}) > store.MaxDepth {
			want = fmt.Sprintf("group %q is in a chain of more than 32 groups", fmt.Sprintf("g%02d", first))
		}
		if got := store.NewAround(edges).Beyond("user"); got != want {
			t.Fatalf("of %d groups from the %dth: %q, not %q", length, first, got, want)
		}
	}
}

func TestAWayIsAShortestOne(t *testing.T) {
	t.Parallel()
	chain := []store.Edge{{Member: "u", Group: "c00"}}
	for i := range 40 {
		chain = append(chain, store.Edge{Member: fmt.Sprintf("c%02d", i), Group: fmt.Sprintf("c%02d", i+1)})
	}
	a := store.NewAround(append(chain,
		store.Edge{Member: "u", Group: "a"}, store.Edge{Member: "u", Group: "b"}, // both lead to top
		store.Edge{Member: "b", Group: "top"}, store.Edge{Member: "a", Group: "top"}, store.Edge{Member: "a", Group: "long"},
		store.Edge{Member: "long", Group: "top"}, store.Edge{Member: "top", Group: "a"}, // a ring
		store.Edge{Member: "x", Group: "elsewhere"}))
	through := a.Paths("u")
	for group, want := range map[string][]string{"a": nil, "long": {"a"}, "top": {"a"}, "c03": {"c00", "c01", "c02"}, "elsewhere": nil, "unknown": nil, "u": nil} {
		if got := through(group); !slices.Equal(got, want) {
			t.Errorf("to %s: %v, want %v", group, got, want)
		}
	}
	if got := through("c40"); len(got) != store.MaxDepth || got[len(got)-1] != "c39" {
		t.Errorf("a way that is too long: %v", got)
	}
	if got := a.Paths("nobody")("a"); got != nil {
		t.Errorf("from nobody: %v", got)
	}
}
