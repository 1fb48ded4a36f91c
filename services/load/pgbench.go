package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DB is the same statements on the same PostgreSQL without Usher: pgbench runs them, each prepared once a connection.
//
//go:embed pgbench/*.sql
var scripts embed.FS

// whoDB is its name in the tables.
const whoDB = "DB"

// bench is pgbench on its own filled database, because no Usher follows its writes.
type bench struct {
	options
	program, address string
	folder           string // of the scripts
	variables        []string
	server           *postgres
}

// planned contains the planner settings of identity's sessions, and its schema.
const planned = "-c search_path=" + identitySpace + " -c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off" +
	" -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_material=off -c max_parallel_workers_per_gather=0"

// newBench creates a bench. The error says if pgbench is not installed.
func (s *stage) newBench(ctx context.Context, database string) (*bench, error) {
	b := &bench{options: s.options, server: s.server, program: filepath.Join(s.server.programs, "pgbench"), address: s.server.address(database), folder: s.room("pgbench")}
	if s.server.programs == "" {
		b.program = "pgbench"
	}
	if _, err := exec.LookPath(b.program); err != nil {
		return nil, fmt.Errorf("pgbench is needed to measure PostgreSQL itself, and is not on this machine: install it with make test-packages (%w)", err)
	}
	if err := s.makeDatabase(ctx, database, s.users); err != nil {
		return nil, fmt.Errorf("filling database %s: %w", database, err)
	}
	if err := s.server.execute(ctx, database, "CREATE SEQUENCE "+identitySpace+".load_numbers CACHE 100"); err != nil {
		return nil, err
	}
	b.variables = []string{
		"users=" + strconv.Itoa(s.users), "groups=" + strconv.Itoa(smallGroups), "spare=" + strconv.Itoa(spare),
		"organization=" + organization, "directory=" + s.account.Directory, "document=" + userBody("4711"),
	}
	return b, errors.Join(os.MkdirAll(b.folder, 0o700), os.CopyFS(b.folder, scripts))
}

func (b *bench) operations() []*operation {
	runs := func(name, script string, each float64, variables ...string) *operation {
		return &operation{who: whoDB, name: name, database: b.server.cpu, take: times(each, func(ctx context.Context) (float64, error) {
			return b.run(ctx, script, variables)
		})}
	}
	return []*operation{
		runs(createUser, "create.sql", 1),
		runs(getUser, "get.sql", 1),
		runs(filterUsers, "filter.sql", 1),
		runs(patchUser, "update.sql", 1),
		runs(pageOfUsers, "page.sql", 1),
		// A member is added and removed each time.
		runs(memberOfMany, "member.sql", 2, "first=0", "last="+strconv.Itoa(smallGroups-1)),
		runs(memberOf(smallGroup), "member.sql", 2, "first=0", "last=0"),
		runs(memberOf(largeGroup(b.users)), "member.sql", 2, "first="+strconv.Itoa(smallGroups), "last="+strconv.Itoa(smallGroups)),
	}
}

// perSecond matches the rate in the output of pgbench.
var perSecond = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// run runs a script for a turn, and returns how often per second it ran.
func (b *bench) run(ctx context.Context, script string, variables []string) (float64, error) {
	seconds := int(math.Ceil(b.turn.Seconds()))
	args := []string{
		"--no-vacuum", "--protocol=prepared", "--client=" + strconv.Itoa(b.clients), "--jobs=" + strconv.Itoa(min(2, b.clients)),
		"--time=" + strconv.Itoa(seconds), "--file=" + filepath.Join(b.folder, "pgbench", script),
	}
	for _, v := range append(variables, b.variables...) {
		args = append(args, "--define="+v)
	}
	sessions := b.server.sessions()
	cmd := exec.CommandContext(ctx, b.program, append(args, b.address)...)
	cmd.Env = append(os.Environ(), "PGOPTIONS="+planned)
	said, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(said), "aborted") {
		err = errors.New("a client gave up")
	}
	found := perSecond.FindSubmatch(said)
	if err != nil || found == nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, said)
	}
	// Sessions take a while to end, and would take CPU time from the next turn. One more session may be that of autovacuum.
	tick, late := time.NewTicker(2*time.Millisecond), time.NewTimer(time.Second)
	defer tick.Stop()
	defer late.Stop()
	for b.server.sessions() > sessions {
		select {
		case <-tick.C:
			continue
		case <-late.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		break
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
