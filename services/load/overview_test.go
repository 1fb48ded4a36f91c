package main

import (
	"strings"
	"testing"
	"time"
)

func TestTheOverviewRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-setups sqlite": `-setups: "sqlite" is none of postgres, split`,
		"-users 999":     "-users must be 1000 or more, not 999",
		"-rounds 0":      "-rounds must be 1 to 1000, not 0",
		"-rounds 1001":   "-rounds must be 1 to 1000, not 1001",
		"HEAD":           `"HEAD" is not understood`,
	} {
		if err := overviewCommand(t.Context(), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("load overview %s: %v, want what tells of %s", args, err, want)
		}
	}
}

// The report shows each request and the slowest of each round. Pages that differ in their filter only are one row. An overview that takes
// too long is an error.
func TestTheReportShowsPages(t *testing.T) {
	t.Parallel()
	ms := func(all ...int) (took []time.Duration) {
		for _, n := range all {
			took = append(took, time.Duration(n)*time.Millisecond)
		}
		return took
	}
	list := page{filteredPage, []request{{name: "list"}}}
	all := []view{
		{page: page{overviewPage.name, overviewPage.requests[:2]}, setup: postgresSetup, state: "analyzed", took: [][]time.Duration{ms(20, 30, 40), ms(10, 499, 15)},
			whole: ms(20, 499, 40), bytes: []int{1500, 500}},
		{page: list, setup: postgresSetup, state: "analyzed", took: [][]time.Duration{ms(11, 12)}, whole: ms(11, 12), bytes: []int{100}},
		{page: list, setup: postgresSetup, state: "analyzed", took: [][]time.Duration{ms(90, 13)}, whole: ms(90, 13), bytes: []int{2000}},
		{page: list, setup: splitSetup, state: "analyzed", took: [][]time.Duration{ms(14)}, whole: ms(14), bytes: []int{100}},
	}
	var b strings.Builder
	if err := (options{users: 1000, rounds: 3}).writeViews(&b, all); err != nil {
		t.Error(err)
	}
	for _, line := range []string{
		"**postgres, analyzed**",
		"| overview | the slowest | 40 | 499 | 499, target 500 | 2.0 |",
		"| overview | directories | 30 | 40 | 40 | 1.5 |",
		"| " + filteredPage + " | list | 13 | 90 | 90 | 2.0 |",
		"**split, analyzed**",
		"| " + filteredPage + " | list | 14 | 14 | 14 | 0.1 |",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("there is no %q in\n%s", line, b.String())
		}
	}
	all[0].whole[1] = overviewWithin
	b.Reset()
	if err := (options{}).writeViews(&b, all); err == nil || !strings.Contains(err.Error(), "up to 500ms") || !strings.Contains(b.String(), "target 500 **missed**") {
		t.Errorf("%v, with the report\n%s", err, b.String())
	}
}
