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

// operation is one measured operation of one of the measured systems.
type operation struct {
	who, name string
	// take lets it take a turn, and returns how often per second it was done.
	take func(ctx context.Context) (float64, error)
	// rest, if it is set, waits until the background work of a turn is done.
	rest  func(ctx context.Context) error
	rates []float64
	// megabytes is the size of one operation, if the rate is in MB per second.
	megabytes float64
	// The CPU time of its servers, and that of PostgreSQL; nil if it is not known.
	cpu, database func() time.Duration
	// The CPU time used in all turns, and the number of operations in them.
	used, usedByDatabase time.Duration
	done                 float64
}

// each returns the CPU time of one operation, in its servers and in PostgreSQL; 0 if it is not known.
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

// turn lets it take a turn, and records the result.
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
	// This includes the background work.
	o.used += now(o.cpu) - cpu
	o.usedByDatabase += now(o.database) - database
	o.done += rate * took.Seconds()
	return nil
}

// forget discards the earlier turns, which were the warm-up.
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

// alone returns the options with one client.
func (c options) alone() options {
	c.clients = 1
	return c
}

// times multiplies the rate of an operation that does several things each time.
func times(n float64, take func(context.Context) (float64, error)) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		rate, err := take(ctx)
		return n * rate, err
	}
}

// byClients lets all clients do something for a turn. do gets the client, and how often this client did it before, in all turns.
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

// spread is the median of some figures, the least and the greatest one. For an even number of figures, the median is between the two in the
// middle.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{(sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2, sorted[0], sorted[len(sorted)-1]}
}

// against returns the ratios of two series, turn by turn, because a temporary slowdown of the machine affects both.
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
