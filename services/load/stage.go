package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// stage is the place of the run's servers.
type stage struct {
	options
	folder  string
	server  *postgres // nil if nothing needs it
	account account   // in every database that is copied from the template
}

// room returns a folder for the files of a server.
func (s *stage) room(name string) string { return filepath.Join(s.folder, name) }

func (s *stage) close() error {
	if s.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.server.close(ctx)
}

// The names of the databases.
const benchDatabase = "usher_load_bench"

func databaseOf(setup string) string { return "usher_load_" + setup }

// memory is the resident memory of the one process on PostgreSQL, in bytes: after its start, and at its peak under load.
type memory struct{ idle, loaded int64 }

// speed measures the setups beside Hop and DB.
func (s *stage) speed(ctx context.Context) (all []*operation, m memory, err error) {
	names := s.wanted(speedNames(s.users)...)
	if len(names) == 0 {
		return nil, m, nil
	}
	s.note("starting Hop, DB and %s, with %d users each", strings.Join(s.setups, ", "), s.users)
	h, err := startHop(ctx, s.folder)
	if err != nil {
		return nil, m, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	all = named(names, h.operations(s.options))
	if s.server != nil {
		b, err := s.newBench(ctx, benchDatabase)
		if err != nil {
			return nil, m, err
		}
		all = append(all, named(names, b.operations())...)
	}
	var ushers []*usher
	defer func() {
		for _, u := range ushers {
			err = errors.Join(err, u.close())
		}
	}()
	for _, setup := range s.setups {
		u, err := s.usherOn(ctx, setup, databaseOf(setup), s.users)
		if err != nil {
			return nil, m, fmt.Errorf("starting %s: %w", setup, err)
		}
		ushers = append(ushers, u)
		operations := named(names, u.operations())
		for _, o := range operations {
			if setup != sqliteSetup {
				o.database = s.server.cpu
			}
		}
		if setup == postgresSetup {
			if m.idle, err = u.gateway().resident(ctx); err != nil {
				return nil, m, err
			}
			for _, o := range operations {
				o.rest = u.watching(&m.loaded, o.rest)
			}
		}
		all = append(all, operations...)
	}
	if err := s.turns(ctx, all); err != nil {
		return nil, m, err
	}
	for _, u := range ushers {
		if err := u.profile(ctx, all); err != nil {
			return nil, m, err
		}
	}
	return all, m, nil
}

// watching records the most memory that the process has after turns.
func (u *usher) watching(most *int64, rest func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		now, err := u.gateway().resident(ctx)
		*most = max(*most, now)
		if err == nil && rest != nil {
			err = rest(ctx)
		}
		return err
	}
}
