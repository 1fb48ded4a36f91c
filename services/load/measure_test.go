package main

import "testing"

func TestAgainst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b []float64
		want spread
	}{
		"a slow turn slows both": {[]float64{10, 1, 20}, []float64{20, 2, 50}, spread{0.5, 0.4, 0.5}},
		"of two turns":           {[]float64{1, 3}, []float64{1, 1}, spread{2, 1, 3}},
		"of one turn":            {[]float64{3}, []float64{2}, spread{1.5, 1.5, 1.5}},
		"of none":                {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := against(c.a, c.b); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{0: "0", 999.6: "1,000", 12_345: "12,345", 1e6: "1,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
}

// No client adds a user who is in the group already, because this would change nothing.
func TestEachClientHasItsOwnMembers(t *testing.T) {
	t.Parallel()
	for _, users := range []int{leastUsers, 10_000, 1_000_000} {
		lowest := users - 1 - (mostClients-1)*spare - (spare - 1)
		for n, g := range groupsOf(users) {
			if g.from < 0 || g.from >= g.to || g.to > lowest {
				t.Errorf("of %d users group %d has %d to %d, and the clients' own begin at %d", users, n, g.from, g.to, lowest)
			}
		}
	}
}
