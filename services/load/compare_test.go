package main

import (
	"strings"
	"testing"
)

func TestAComparisonRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                         "a commit is needed",
		"HEAD HEAD":                "a commit is needed",
		"-rounds 0 HEAD":           "-rounds",
		"-rounds 1001 HEAD":        "-rounds",
		"-seconds 0 HEAD":          "-seconds",
		"-seconds NaN HEAD":        "-seconds",
		"-clients 31 HEAD":         "-clients",
		"-users 10 HEAD":           "-users",
		"-engine oracle HEAD":      "-engine",
		"-only nothing HEAD":       "-only",
		"no-such-commit":           `"no-such-commit" is not a commit`,
		"-- --upload-pack=nothing": "is not a commit",
	} {
		if err := compareCommand(t.Context(), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("load compare %s: %v, want what tells of %s", args, err, want)
		}
	}
}
