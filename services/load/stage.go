package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// stage is where the run's servers are.
type stage struct {
	options
	folder  string
	server  *postgres // nil where nothing needs it
	account account   // in every database that is made from the template
}

// room is a folder for the files of one of them.
func (s *stage) room(name string) string { return filepath.Join(s.folder, name) }

func (s *stage) close() error {
	if s.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return s.server.close(ctx)
}

// Names of the databases.
const (
	benchDatabase = "usher_load_bench"
	smallDatabase = "usher_load_small"
	greatDatabase = "usher_load_great"
)

func databaseOf(setup string) string { return "usher_load_" + setup }

// memory is what the one process on PostgreSQL had resident, in bytes: after its start, and the most under load.
type memory struct{ idle, loaded int64 }

// speed measures the setups beside Hop and DB.
func (s *stage) speed(ctx context.Context) (all []*operation, m memory, err error) {
	s.note("starting Hop, DB and %s, with %d users each", strings.Join(s.setups, ", "), s.users)
	h, err := startHop(ctx, s.folder)
	if err != nil {
		return nil, m, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	all = h.operations(s.options)
	if s.server != nil {
		b, err := s.newBench(ctx, benchDatabase)
		if err != nil {
			return nil, m, err
		}
		all = append(all, b.operations()...)
	}
	var ushers []*usher
	defer func() {
		for _, u := range ushers {
			err = errors.Join(err, u.close())
		}
	}()
	for _, setup := range s.setups {
		u, err := s.filled(ctx, setup)
		if err != nil {
			return nil, m, fmt.Errorf("starting %s: %w", setup, err)
		}
		ushers = append(ushers, u)
		operations := u.operations()
		for _, o := range operations {
			if !strings.HasPrefix(setup, sqliteSetup) {
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
	if s.profiles != "" {
		for _, u := range ushers {
			if err := u.profile(ctx, all); err != nil {
				return nil, m, fmt.Errorf("profiling %s: %w", u.who, err)
			}
		}
	}
	return all, m, nil
}

// filled starts a setup with its users.
func (s *stage) filled(ctx context.Context, setup string) (*usher, error) {
	if !strings.HasPrefix(setup, sqliteSetup) {
		return s.usherOn(ctx, setup, databaseOf(setup), s.users)
	}
	u, err := startUsher(ctx, s.options, s.room(setup), setup, "")
	if err != nil {
		return nil, err
	}
	a, err := u.createDirectory(ctx)
	if err == nil {
		u.open(a)
		err = u.fillByPosts(ctx, s.users)
	}
	if err == nil {
		err = u.checkTotal(ctx, s.users)
	}
	if err == nil {
		err = u.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, u.close())
	}
	return u, nil
}

// watching notes the most memory that the process has after turns.
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

// growth measures the one process on PostgreSQL with few and with many users, each in a database of its own.
func (s *stage) growth(ctx context.Context) (all []*operation, err error) {
	for i, database := range []string{smallDatabase, greatDatabase} {
		s.note("filling a database with %d users", s.sizes[i])
		u, err := s.usherOn(ctx, postgresSetup, database, s.sizes[i])
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, u.close()) }()
		u.who = database
		operations := u.operations()
		if database == smallDatabase {
			operations = operations[:5] // members are compared between groups, in the great one
		}
		all = append(all, operations...)
	}
	return all, s.turns(ctx, all)
}

// profileFor is how long a profile is taken.
const profileFor = 5 * time.Second

// profile takes CPU profiles of each process under each operation.
func (u *usher) profile(ctx context.Context, all []*operation) error {
	if err := os.MkdirAll(u.profiles, 0o755); err != nil {
		return err
	}
	for _, o := range all {
		if o.who != u.who || !strings.Contains(o.name, u.only) {
			continue
		}
		u.note("profiling %s: %s", u.who, o.name)
		var taking sync.WaitGroup
		errs := make([]error, len(u.processes))
		for i, p := range u.processes {
			words := strings.FieldsFunc(u.who+" "+o.name+" "+p.name, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') })
			file := filepath.Join(u.profiles, strings.Join(words, "-")+".pprof")
			taking.Go(func() { errs[i] = p.profile(ctx, file) })
		}
		var err error
		for start := time.Now(); time.Since(start) < profileFor && err == nil; {
			_, err = o.take(ctx)
		}
		taking.Wait()
		if o.rest != nil {
			err = errors.Join(err, o.rest(ctx))
		}
		if err = errors.Join(append(errs, err)...); err != nil {
			return err
		}
	}
	return nil
}

func (p *process) profile(ctx context.Context, file string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.Ops, int(profileFor.Seconds()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	return errors.Join(err, out.Close())
}
