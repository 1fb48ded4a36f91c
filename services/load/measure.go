package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// operation is one thing that is measured, at one of those that can do it.
type operation struct {
	who, name string
	// take lets it take a turn, and gives how often it was done a second.
	take func(ctx context.Context) (float64, error)
	// rest, where it is set, waits until what a turn left to do in the background is done.
	rest  func(ctx context.Context) error
	rates []float64
	// megabytes is how many make one, where the rate is in those.
	megabytes float64
	// The CPU time that its servers have used, and that PostgreSQL has; nil where it is not known.
	cpu, database func() time.Duration
	// What they used in all turns, and how often it was done in them.
	used, usedByDatabase time.Duration
	done                 float64
}

// each is the CPU time of doing it once, in its servers and in PostgreSQL; 0 where it is not known.
func (o *operation) each() (servers, database time.Duration) {
	if o.done == 0 {
		return 0, 0
	}
	return time.Duration(float64(o.used) / o.done), time.Duration(float64(o.usedByDatabase) / o.done)
}

func now(clock func() time.Duration) time.Duration {
	if clock == nil {
		return 0
	}
	return clock()
}

// turn lets it take a turn, and notes what came of it.
func (o *operation) turn(ctx context.Context) error {
	cpu, database := now(o.cpu), now(o.database)
	start := time.Now()
	rate, err := o.take(ctx)
	took := time.Since(start)
	if err == nil && o.rest != nil {
		err = o.rest(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s, %s: %w", o.who, o.name, err)
	}
	o.rates = append(o.rates, rate)
	// With what it left to do.
	o.used += now(o.cpu) - cpu
	o.usedByDatabase += now(o.database) - database
	o.done += rate * took.Seconds()
	return nil
}

// forget makes its turns so far the warming up.
func (o *operation) forget() { o.rates, o.used, o.usedByDatabase, o.done = nil, 0, 0, 0 }

// turns lets each operation take its turn, in rounds.
func (c options) turns(ctx context.Context, operations []*operation) error {
	for round := range c.rounds + 1 {
		for _, o := range operations {
			if err := o.turn(ctx); err != nil {
				return err
			}
			if round == 0 {
				o.forget()
			}
		}
		c.note("round %d of %d, the first to warm up", round+1, c.rounds+1)
	}
	return nil
}

// alone is one client in place of all.
func (c options) alone() options {
	c.clients = 1
	return c
}

// times is for what does several things each time.
func times(n float64, take func(context.Context) (float64, error)) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		rate, err := take(ctx)
		return n * rate, err
	}
}

// byClients lets all clients do something for a turn. do is told who does it and how often that one did it before, in all
// turns.
func (c options) byClients(do func(ctx context.Context, client, n int) error) func(context.Context) (float64, error) {
	done := make([]int, c.clients)
	return func(ctx context.Context) (float64, error) {
		var all atomic.Int64
		var clients sync.WaitGroup
		failures := make(chan error, c.clients)
		start := time.Now()
		for client := range c.clients {
			clients.Go(func() {
				for time.Since(start) < c.turn {
					if err := do(ctx, client, done[client]); err != nil {
						failures <- err
						return
					}
					done[client]++
					all.Add(1)
				}
			})
		}
		clients.Wait()
		rate := float64(all.Load()) / time.Since(start).Seconds()
		select {
		case err := <-failures:
			return 0, err
		default:
			return rate, nil
		}
	}
}

// spread is the middle one of some figures, or between the middle two, and the least and the most.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{(sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2, sorted[0], sorted[len(sorted)-1]}
}

// against gives the quotients of two series, turn by turn: what slows a machine down for a while slows both.
func against(a, b []float64) spread {
	var quotients []float64
	for i := range min(len(a), len(b)) {
		quotients = append(quotients, a[i]/b[i])
	}
	return spreadOf(quotients)
}

func numbers(list string) (all []int, err error) {
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}
