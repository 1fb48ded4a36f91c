package main

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

func TestALineAsksForATurn(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]time.Duration{
		"run get 2":     2 * time.Second,
		"run get 0.25":  250 * time.Millisecond,
		"run get 0":     0,
		"run get -1":    0,
		"run get NaN":   0,
		"run get 1e9":   0,
		"run get":       0,
		"run get 2 3":   0,
		"walk get 2":    0,
		"":              0,
		"run get two":   0,
		" run  get  2 ": 2 * time.Second,
	} {
		operation, length, err := parseRun(line)
		if length != want || (err == nil) != (want > 0) || err == nil && operation != "get" {
			t.Errorf("%q asks for %q of %s, want %s: %v", line, operation, length, want, err)
		}
	}
	operation, length, err := parseRun(formatRun("filter", 1500*time.Millisecond))
	if operation != "filter" || length != 1500*time.Millisecond || err != nil {
		t.Errorf("what was written is read as %q of %s: %v", operation, length, err)
	}
}

// A generator creates its data through the public API, and takes each requested turn.
func TestAGeneratorTakesTurns(t *testing.T) {
	t.Parallel()
	lines := ""
	for _, name := range operationsCompared {
		lines += formatRun(name, 20*time.Millisecond) + formatRun(name, 20*time.Millisecond)
	}
	answers := generated(t, serveApp(t), lines+"run fly 1\nnonsense\n")
	var p prepared
	if err := answers.Decode(&p); err != nil || p.Error != "" || !slices.Equal(p.Operations, slices.Sorted(slices.Values(operationsCompared))) {
		t.Fatalf("it is prepared for %+v: %v", p, err)
	}
	for i := range 2 * len(operationsCompared) {
		var answer turn
		if err := answers.Decode(&answer); err != nil || answer.Error != "" || answer.Done < 1 || answer.Median <= 0 {
			t.Errorf("turn %d of %s is %+v: %v", i%2, operationsCompared[i/2], answer, err)
		}
	}
	for _, want := range []string{"fly", "nonsense"} {
		var answer turn
		if err := answers.Decode(&answer); err != nil || !strings.Contains(answer.Error, want) {
			t.Errorf("the answer is %+v, want one that tells of %s: %v", answer, want, err)
		}
	}
}

func TestAGeneratorThatCannotPrepareSaysWhy(t *testing.T) {
	t.Parallel()
	for of, want := range map[string]string{
		"{":                          systemVariable,
		`{"clients":0,"users":1000}`: "clients",
		`{"clients":1,"users":1}`:    "users",
		`{"clients":1,"users":1000,"grpc":"127.0.0.1:1"}`: "setting up",
	} {
		var p prepared
		if err := generated(t, of, "").Decode(&p); err != nil || !strings.Contains(p.Error, want) {
			t.Errorf("of %s it says %+v, want what tells of %q: %v", of, p, want, err)
		}
	}
}

// generated runs a generator to the end of some lines, and returns its answers.
func generated(t *testing.T, of, lines string) *json.Decoder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out strings.Builder
	// The first line contains its error, too.
	_ = generate(ctx, of, strings.NewReader(lines), &out)
	return json.NewDecoder(strings.NewReader(out.String()))
}

// serveApp runs an Usher within the test, and returns the system for a generator.
func serveApp(t *testing.T) string {
	t.Helper()
	logs, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s := app.Defaults()
	s.DataDir, s.OperatorToken = filepath.Join(t.TempDir(), "data"), secret.Text(operatorToken)
	s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	s.Migrate, s.Gateway.RatePerSecond = true, 0
	a, err := app.Start(t.Context(), s, app.Options{Telemetry: logs, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	of, err := json.Marshal(system{SCIM: a.SCIMAddr(), GRPC: a.GRPCAddr(), Token: operatorToken, Clients: 3, Users: leastUsers})
	if err != nil {
		t.Fatal(err)
	}
	return string(of)
}
