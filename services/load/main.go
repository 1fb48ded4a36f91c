// Command load measures how fast Usher is, beside two upper bounds: *Hop*, minimal servers that pass a document from a map over gRPC to
// HTTP, and *DB*, pgbench with the same statements on the same PostgreSQL. One run measures all of them in turns, so that the ratios are
// valid although the figures depend on the machine. It prints the tables of README.md, which explains them. Other commands: `load
// compare COMMIT` measures this tree beside an earlier commit, `load siege` attacks an Usher beside a well-behaved tenant, and `load
// overview` measures the requests of the console's pages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	if role := os.Getenv(roleVariable); role != "" {
		return play(ctx, role)
	}
	if len(os.Args) > 1 && os.Args[1] == "compare" {
		return compareCommand(ctx, os.Args[2:])
	}
	if len(os.Args) > 1 && os.Args[1] == "siege" {
		return siegeCommand(ctx, os.Args[2:])
	}
	if len(os.Args) > 1 && os.Args[1] == "overview" {
		return overviewCommand(ctx, os.Args[2:])
	}
	c := options{log: os.Stderr}
	var setups, sizes string
	flag.IntVar(&c.clients, "clients", 8, "how many clients send at a time")
	flag.IntVar(&c.rounds, "rounds", 5, "how often each measurement takes its turn")
	flag.DurationVar(&c.turn, "turn", 700*time.Millisecond, "how long a turn lasts; one of pgbench lasts whole seconds")
	flag.IntVar(&c.users, "users", 10_000, "how many users the directory has that is measured beside Hop and DB, 1,000 or more; 0: none is")
	flag.StringVar(&setups, "setups", strings.Join(allSetups, ","), "which Ushers are measured")
	flag.StringVar(&sizes, "sizes", "1000,1000000", "numbers of users between which growth is measured; empty: it is not")
	flag.StringVar(&c.postgres, "postgres", "", "URL of a PostgreSQL where databases may be made; empty: one of the run's own")
	flag.StringVar(&c.profiles, "profiles", "", "folder for a CPU profile of each process under each operation; empty: none are taken")
	flag.StringVar(&c.only, "only", "", "measure only the operations whose names contain this")
	flag.Parse()
	c.setups = strings.Split(setups, ",")
	for _, s := range c.setups {
		if !slices.Contains(allSetups, s) {
			return fmt.Errorf("-setups: %q is none of %s", s, strings.Join(allSetups, ", "))
		}
	}
	if sizes != "" {
		var err error
		if c.sizes, err = numbers(sizes); err != nil || len(c.sizes) != 2 || c.sizes[0] <= 0 || c.sizes[0] >= c.sizes[1] {
			return fmt.Errorf("-sizes must be two numbers, the smaller first, not %q", sizes)
		}
	}
	for _, users := range append(c.sizes, c.users) {
		if users < leastUsers && users != 0 {
			return fmt.Errorf("-users and -sizes must be %d or more, not %d", leastUsers, users)
		}
	}
	if c.clients > mostClients {
		return fmt.Errorf("-clients must be %d or fewer", mostClients)
	}
	for name, value := range map[string]int{"clients": c.clients, "rounds": c.rounds, "turn": int(c.turn)} {
		if value <= 0 {
			return fmt.Errorf("-%s must be above 0", name)
		}
	}
	return run(ctx, c, os.Stdout)
}

type options struct {
	clients, rounds, users int
	turn                   time.Duration
	setups                 []string
	sizes                  []int
	postgres, profiles     string
	only                   string
	log                    io.Writer
}

func (c options) note(format string, args ...any) { fmt.Fprintf(c.log, format+"\n", args...) }

// The setups of Usher that can be measured.
const (
	sqliteSetup   = "sqlite"   // one process on SQLite
	postgresSetup = "postgres" // one process on PostgreSQL
	splitSetup    = "split"    // a process per service, on PostgreSQL
)

var allSetups = []string{sqliteSetup, postgresSetup, splitSetup}

func run(ctx context.Context, c options, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "usher-load-")
	if err != nil {
		return err
	}
	s := &stage{options: c, folder: folder}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(folder)) }()
	if slices.ContainsFunc(c.setups, func(setup string) bool { return setup != sqliteSetup }) {
		if s.server, err = startPostgres(ctx, c.postgres); err != nil {
			return err
		}
		if err := s.makeTemplate(ctx); err != nil {
			return fmt.Errorf("creating the template of the databases: %w", err)
		}
	}
	r := report{options: c}
	if c.users > 0 {
		if r.speed, r.memory, err = s.speed(ctx); err != nil {
			return err
		}
	}
	for _, setup := range c.setups {
		if len(c.sizes) == 0 {
			continue
		}
		g, err := s.growth(ctx, setup)
		if err != nil {
			return err
		}
		r.growth = append(r.growth, g)
	}
	return r.write(out)
}
