package main

import (
	"strings"
	"testing"
	"time"
)

func TestASiegeRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-setups oracle":   `-setups: "oracle" is none of sqlite, split`,
		"-setups postgres": "-setups",
		"-seconds 0":       "-seconds must be 1 to 60",
		"-seconds 61":      "-seconds",
		"-seconds NaN":     "-seconds",
		"-clients 0":       "-clients must be 1 to 256",
		"-clients 257":     "-clients",
		"HEAD":             `"HEAD" is not understood`,
	} {
		if err := siegeCommand(t.Context(), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("load siege %s: %v, want what tells of %s", args, err, want)
		}
	}
}

// Every forbidden result makes a siege fail, and the report says so.
func TestASiegeFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stage stageOfSiege
		dead  []string
		want  string
	}{
		"the tenant got an error":  {stageOfSiege{tenant: &episode{errors: []string{"get: status 500"}}}, nil, "get: status 500"},
		"an attacker got in":       {stageOfSiege{tenant: newEpisode(), outcome: outcome{Inside: []string{"a made-up key was answered 200"}}}, nil, "answered 200"},
		"the attackers failed":     {stageOfSiege{tenant: newEpisode(), outcome: outcome{Error: "no route"}}, nil, "no route"},
		"a process has ended":      {stageOfSiege{tenant: newEpisode()}, []string{"the process gateway has ended"}, "gateway has ended"},
		"nothing of all this":      {stageOfSiege{tenant: newEpisode()}, nil, ""},
		"refusals are what it has": {stageOfSiege{tenant: newEpisode(), outcome: outcome{Answers: map[string]int{"429": 7}}}, nil, ""},
	} {
		c.stage.attack, c.stage.took = "a flood", time.Second
		s := siege{setup: sqliteSetup}
		s.add(c.stage, c.dead)
		var b strings.Builder
		if err := (sieging{}).write(&b, []siege{s}); err != nil {
			t.Fatal(err)
		}
		failed := strings.Contains(b.String(), "**FAILED** a flood: ")
		if len(s.failures) > 0 != (c.want != "") || failed != (c.want != "") || !strings.Contains(b.String(), c.want) {
			t.Errorf("%s: failures %q, and the report:\n%s", name, s.failures, b.String())
		}
	}
}

func TestThePercentileThatATenantMayHave(t *testing.T) {
	t.Parallel()
	var latencies []time.Duration
	for i := range 200 {
		latencies = append(latencies, time.Duration(i+1)*time.Millisecond)
	}
	if p50, p99, worst := quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(latencies, 1); p50 != 101*time.Millisecond || p99 != 199*time.Millisecond || worst != 200*time.Millisecond {
		t.Errorf("p50 %s, p99 %s, worst %s", p50, p99, worst)
	}
	slow := stageOfSiege{attack: "a", took: time.Second, tenant: &episode{took: map[string][]time.Duration{"get": {time.Millisecond}, "patch": {slowest + time.Millisecond}}}}
	var b strings.Builder
	slow.write(&b)
	if !strings.Contains(b.String(), "501 **missed**") || !strings.Contains(b.String(), "(patch)") {
		t.Errorf("a p99 above %s, of a PATCH, is reported as\n%s", slowest, b.String())
	}
}
