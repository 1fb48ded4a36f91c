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
}

// turns lets each operation take its turn, in rounds.
func (c options) turns(ctx context.Context, operations []*operation) error {
	if c.only != "" {
		operations = slices.DeleteFunc(slices.Clone(operations), func(o *operation) bool { return !strings.Contains(o.name, c.only) })
	}
	for round := range c.rounds + 1 {
		for _, o := range operations {
			rate, err := o.take(ctx)
			if err == nil && o.rest != nil {
				err = o.rest(ctx)
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", o.who, o.name, err)
			}
			if round > 0 { // the first one warms up
				o.rates = append(o.rates, rate)
			}
		}
		c.note("round %d of %d, the first to warm up", round+1, c.rounds+1)
	}
	return nil
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

// spread is the middle one of some figures, and the least and the most.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1]}
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
