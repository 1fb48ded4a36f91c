package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// overviewSetups are the setups in which the console's pages can be measured.
var overviewSetups = []string{postgresSetup, splitSetup}

const (
	mostOverviewRounds = 1000
	// overviewWithin is how long the slowest request of the overview may take.
	overviewWithin = 500 * time.Millisecond
	// messagesPerSecond is how many messages the identity provider sends meanwhile.
	messagesPerSecond = 20
	overviewDatabase  = "usher_load_overview"
)

// overviewCommand measures how long the console's pages wait for their requests.
func overviewCommand(ctx context.Context, args []string) error {
	c := options{log: os.Stderr, clients: 1}
	var setups string
	flags := flag.NewFlagSet("load overview", flag.ContinueOnError)
	flags.StringVar(&setups, "setups", strings.Join(overviewSetups, ","), "which Ushers are measured")
	flags.IntVar(&c.users, "users", 1_000_000, "how many users the large directory has, 1,000 or more")
	flags.IntVar(&c.rounds, "rounds", 50, "how often each page is opened")
	flags.StringVar(&c.postgres, "postgres", "", "URL of a PostgreSQL where databases may be made; empty: one of the run's own")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: load overview [flags]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	c.setups = strings.Split(setups, ",")
	for _, setup := range c.setups {
		if !slices.Contains(overviewSetups, setup) {
			return fmt.Errorf("-setups: %q is none of %s", setup, strings.Join(overviewSetups, ", "))
		}
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not understood: there are flags only", flags.Arg(0))
	case c.users < leastUsers:
		return fmt.Errorf("-users must be %d or more, not %d", leastUsers, c.users)
	case c.rounds < 1 || c.rounds > mostOverviewRounds:
		return fmt.Errorf("-rounds must be 1 to %d, not %d", mostOverviewRounds, c.rounds)
	}
	return c.overview(ctx, os.Stdout)
}

// overview fills a database, and measures the setups on it: the first one also before PostgreSQL has any statistics, and after the large
// directory was replaced.
func (c options) overview(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "usher-load-")
	if err != nil {
		return err
	}
	s := &overviewStage{stage: &stage{options: c, folder: folder}}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(folder)) }()
	if s.server, err = startPostgres(ctx, c.postgres); err != nil {
		return err
	}
	if err := s.makeTemplate(ctx); err != nil {
		return fmt.Errorf("creating the template of the database: %w", err)
	}
	s.note("filling %s with %d users", overviewDatabase, c.users)
	if err := s.fill(ctx); err != nil {
		return fmt.Errorf("filling the database: %w", err)
	}
	var all []view
	measure := func(setup, state string, begin func(context.Context, *usher) (session, error)) (err error) {
		s.note("measuring %s, %s", setup, state)
		room := s.room(fmt.Sprint("overview-", len(all))) // each one starts with no files
		u, err := startUsher(ctx, c, room, setup, s.server.address(overviewDatabase))
		if err != nil {
			return err
		}
		u.open(s.account)
		u.users = c.users
		defer func() { err = errors.Join(err, u.close()) }()
		look, err := begin(ctx, u)
		if err != nil {
			return err
		}
		views, err := u.view(ctx, look)
		for i := range views {
			views[i].setup, views[i].state = setup, state
		}
		all = append(all, views...)
		return err
	}
	if err := measure(c.setups[0], "no statistics", s.look); err != nil {
		return err
	}
	if err := s.server.execute(ctx, overviewDatabase, "VACUUM (ANALYZE)"); err != nil {
		return err
	}
	for _, setup := range c.setups {
		if err := measure(setup, "analyzed", s.look); err != nil {
			return err
		}
	}
	if err := measure(c.setups[0], "replaced", s.replace); err != nil {
		return err
	}
	return c.writeViews(out, all)
}
