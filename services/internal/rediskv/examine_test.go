package rediskv

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func examined(t *testing.T, url string) []doctor.Finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r := &doctor.Report{}
	Examine(ctx, url, 4*time.Second, r)
	return r.Findings()
}

func TestAnExaminationFindsWhatIsWrongAndNotWhatIsMended(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	admin := raw(t, server.URL())
	do := func(line string) {
		t.Helper()
		if line == "" {
			return
		}
		var args []any
		for _, word := range strings.Fields(line) {
			args = append(args, word)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	for _, c := range []struct {
		name, fault, mend string
		want              [][]string
	}{
		{"all is well", "", "", nil},
		{"full", "config set maxmemory 1", "config set maxmemory 0", [][]string{{"warning | redis-memory", "maxmemory"}, {"error | redis-commands", "SET, SETEX", "OOM"}}},
		{"almost full", "config set maxmemory 1000000000", "config set maxmemory 0", nil},
		{"a replica", "replicaof 127.0.0.1 1", "replicaof no one", [][]string{{"error | redis-role", "replica"}, {"error | redis-commands", "SET, DEL, SETEX", "READONLY"}}},
		{"no right to run scripts", "acl setuser default -evalsha", "acl setuser default +@all", [][]string{{"error | redis-commands", "EVALSHA (NOPERM", doctor.PageRedis}}},
		{"no right to read what it is", "acl setuser default -info", "acl setuser default +@all", [][]string{{"skipped | redis-version"}}},
	} {
		do(c.fault)
		t.Run(c.name, func(t *testing.T) { doctortest.Finds(t, examined(t, server.URL()), c.want...) })
		do(c.mend)
		t.Run(c.name+", mended", func(t *testing.T) { doctortest.Finds(t, examined(t, server.URL())) })
	}
	if n, err := admin.DBSize(t.Context()).Result(); n != 0 || err != nil {
		t.Errorf("it has written %d keys, %v", n, err)
	}
	server.Stop()
	doctortest.Finds(t, examined(t, server.URL()), []string{"error | redis-reachable", "does not answer"})
}

func TestAnExaminationShowsNoPassword(t *testing.T) {
	t.Parallel()
	got := examined(t, "redis://:hunter2@127.0.0.1:1")
	doctortest.Finds(t, got, []string{"error | redis-reachable"})
	if strings.Contains(strings.Join(doctortest.Bad(got), ""), "hunter2") {
		t.Error(got)
	}
}
