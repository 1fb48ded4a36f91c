package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// grown contains the measurements of a setup with few and with many users.
type grown struct {
	setup      string
	operations []*operation
	peaks      []peak // while the large group was read
}

// peak is the peak resident memory of a process in a turn, and its memory before the turn, in bytes; 0 if it is not known.
type peak struct {
	process      string
	before, most int64
}

// The two sizes of a setup.
const few, many = "few", "many"

// growth measures a setup with few and with many users. A process per service is measured only with many, and only for operations that
// depend on the size of a group: everything else is as in one process on the same database.
func (s *stage) growth(ctx context.Context, setup string) (g grown, err error) {
	g.setup = setup
	names, groups := s.wanted(growthNames...), s.wanted(groupNames(s.sizes[1])...)
	if setup == splitSetup {
		names = nil
	}
	var ushers []*usher
	defer func() {
		for _, u := range ushers {
			err = errors.Join(err, u.close())
		}
	}()
	if len(names) > 0 {
		u, err := s.grow(ctx, setup, few, s.sizes[0])
		if err != nil {
			return g, err
		}
		ushers = append(ushers, u)
		g.operations = named(names, u.operations())
	}
	if names = append(names, groups...); len(names) == 0 {
		return g, nil
	}
	u, err := s.grow(ctx, setup, many, s.sizes[1])
	if err != nil {
		return g, err
	}
	ushers = append(ushers, u)
	g.operations = append(g.operations, named(names, u.operations())...)
	if large := largeGroup(u.users); slices.Contains(groups, readGroup(large)) {
		h, err := startHop(ctx, s.folder)
		if err != nil {
			return g, err
		}
		defer func() { err = errors.Join(err, h.close()) }()
		read, err := u.readGroup(ctx, &g)
		if err != nil {
			return g, err
		}
		passed, err := h.readGroup(ctx, s.options, large)
		if err != nil {
			return g, err
		}
		g.operations = append(g.operations, read, passed)
	}
	if err := s.turns(ctx, g.operations); err != nil {
		return g, err
	}
	for _, u := range ushers {
		if err := u.profile(ctx, g.operations); err != nil {
			return g, err
		}
	}
	return g, nil
}

// grow starts a setup with few or many users. Data that was filled for one process on PostgreSQL also serves a process per service.
func (s *stage) grow(ctx context.Context, setup, who string, users int) (u *usher, err error) {
	name := databaseOf(setup) + "_" + who
	if filled := databaseOf(postgresSetup) + "_" + who; setup == splitSetup && slices.Contains(s.server.databases, filled) {
		u, err = s.usherAt(ctx, setup, filled, s.account, users)
	} else {
		s.note("filling %s with %d users", name, users)
		u, err = s.usherOn(ctx, setup, name, users)
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s with %d users: %w", setup, users, err)
	}
	u.who = who
	return u, nil
}

// readGroup is the operation in which one client reads the large group. Its rate is in MB per second. g receives the peak memory of each
// process, of all turns.
func (u *usher) readGroup(ctx context.Context, g *grown) (*operation, error) {
	path, want := "/Groups/"+filledGroupID(smallGroups), largeGroup(u.users)
	read := func(ctx context.Context, keep bool) ([]byte, error) {
		return u.send(ctx, 0, http.MethodGet, path, "", http.StatusOK, keep)
	}
	body, err := read(ctx, true)
	if err != nil {
		return nil, err
	}
	// Clients may have added some.
	if found := bytes.Count(body, []byte(`"type":"User"`)); found < want {
		return nil, fmt.Errorf("%s: the large group has %d members, not %d", u.who, found, want)
	}
	for _, p := range u.processes {
		g.peaks = append(g.peaks, peak{process: p.name[strings.LastIndexByte(p.name, '-')+1:]})
	}
	megabytes := megabytesOf(body)
	take := times(megabytes, u.alone().byClients(func(ctx context.Context, _, _ int) error {
		_, err := read(ctx, false)
		return err
	}))
	return u.reading(&operation{name: readGroup(want), megabytes: megabytes, take: func(ctx context.Context) (float64, error) {
		before := make([]int64, len(u.processes))
		var errs []error
		for i, p := range u.processes {
			errs = append(errs, forgetPeak(p.pid()))
			before[i] = peakOf(p.pid())
		}
		rate, err := take(ctx)
		for i, p := range u.processes {
			if most := peakOf(p.pid()); most > g.peaks[i].most {
				g.peaks[i].before, g.peaks[i].most = before[i], most
			}
		}
		return rate, errors.Join(append(errs, err)...)
	}}), nil
}
