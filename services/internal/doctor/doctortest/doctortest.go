// Package doctortest helps tests to say which findings they expect.
package doctortest

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/doctor"
)

// Bad returns the findings that are not ok, each as a line: its fields with " | " between them.
func Bad(findings []doctor.Finding) (lines []string) {
	for _, f := range findings {
		if f.Level != doctor.OK {
			lines = append(lines, strings.Join([]string{string(f.Level), f.Check, f.Subject, f.Message, f.Command, f.Page}, " | "))
		}
	}
	return lines
}

// Finds fails unless there are as many bad findings as lists of texts, and each list is in one of them.
func Finds(t testing.TB, findings []doctor.Finding, want ...[]string) {
	t.Helper()
	got := Bad(findings)
	if len(got) != len(want) {
		t.Fatalf("got %d findings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for _, texts := range want {
		if !slices.ContainsFunc(got, func(line string) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
		}) {
			t.Errorf("%q is not in:\n%s", texts, strings.Join(got, "\n"))
		}
	}
}
