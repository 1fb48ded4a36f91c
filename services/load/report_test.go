package main

import (
	"strings"
	"testing"
)

func TestTheReportShowsGrowth(t *testing.T) {
	t.Parallel()
	of := func(who, name string, rates ...float64) *operation {
		return &operation{who: who, name: name, rates: rates, megabytes: 50}
	}
	all := []*operation{
		of(few, filterEmails, 3000, 2000, 1000), of(many, filterEmails, 1500, 2000, 1000),
		of(many, memberOf(10), 900), of(many, memberOf(10_000), 900), of(many, memberOf(250_000), 600),
		of(many, readGroup(250_000), 25), of(whoHop, readGroup(250_000), 100),
	}
	peaks := []peak{{"gateway", 20 << 20, 30 << 20}, {"identity", 100 << 20, 151 << 20}}
	for name, c := range map[string]struct {
		only string
		want []string
	}{
		"all of it": {"", []string{
			"| postgres, operations a second | at 1,000 users | at 1,000,000 | time, turn by turn |",
			"| filter `emails.value eq` | 2,000 | 1,500 | 1.00 (1.00–2.00), target 1.2 |",
			"| filter `emails.value eq` | 2,000 | 1,500 | 1.00 (1.00–2.00) |", // SQLite has no target
			"| postgres | 900 | 900 | 1.00 (1.00–1.00), target 1.1 | 600 | 1.50 (1.50–1.50), target 1.1 **missed** |",
			"| postgres | 2.00 (2.00–2.00) | 50.0 | 25 | 0.25 (0.25–0.25) | gateway 20, 30; identity 100, 151; target 150 **missed** |",
		}},
		"what was not asked for is left out": {"emails", []string{"| filter `emails.value eq` | 2,000 |"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := report{options: options{sizes: []int{1000, 1_000_000}, only: c.only}, growth: []grown{
				{setup: sqliteSetup, operations: all}, {setup: postgresSetup, operations: all, peaks: peaks},
			}}
			var b strings.Builder
			if err := r.write(&b); err != nil {
				t.Fatal(err)
			}
			for _, line := range c.want {
				if !strings.Contains(b.String(), line) {
					t.Errorf("there is no %q in\n%s", line, b.String())
				}
			}
			if c.only != "" && strings.Contains(b.String(), "250,000") {
				t.Errorf("it tells of groups:\n%s", b.String())
			}
		})
	}
}
