package main

import (
	"strings"
	"testing"
	"time"
)

func TestAComparisonShowsMediansAndPairedRatios(t *testing.T) {
	t.Parallel()
	c := newComparison("abc", []string{"get", "check"})
	add := func(s *series, done int, cpu, median time.Duration) {
		t.Helper()
		if err := s.add(turn{Done: done, Median: median}, cpu); err != nil {
			t.Fatal(err)
		}
	}
	// The second round is slow for both, which the ratios do not show.
	for _, slow := range []time.Duration{1, 10, 2} {
		add(c.before["get"], 1000, slow*400*time.Millisecond, slow*2*time.Millisecond)
		add(c.after["get"], 2000, slow*400*time.Millisecond, slow*3*time.Millisecond)
	}
	add(c.before["check"], 10, 10*time.Millisecond, time.Millisecond)
	add(c.after["check"], 10, 10*time.Millisecond, time.Millisecond)
	add(c.before["check"], 10, 10*time.Millisecond, time.Millisecond)
	add(c.after["check"], 10, 30*time.Millisecond, 4*time.Millisecond)
	var b strings.Builder
	if err := c.write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"3 rounds; before is abc",
		"| get | 800 | 400 | 0.500 (0.500–0.500) | 4,000 | 6,000 | 1.500 (1.500–1.500) |",
		"| check | 1,000 | 2,000 | 2.000 (1.000–3.000) | 1,000 | 2,500 | 2.500 (1.000–4.000) |",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("there is no %q in\n%s", line, b.String())
		}
	}
	if err := c.before["get"].add(turn{}, time.Second); err == nil {
		t.Error("a turn in which nothing was done has a figure")
	}
}
