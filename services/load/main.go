// Command load measures how fast Usher is beside the least that could be done: an empty HTTP server that calls an empty
// gRPC server. Both are measured in one run, in turns, so that the ratio holds where the figures depend on the machine.
// README.md has the figures and what they say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

func main() {
	var c config
	flag.IntVar(&c.clients, "clients", 8, "how many clients send at a time")
	flag.IntVar(&c.rounds, "rounds", 7, "how often each measurement takes its turn")
	flag.DurationVar(&c.turn, "turn", 700*time.Millisecond, "how long one turn lasts")
	flag.IntVar(&c.users, "users", 10_000, "how many users there are before measuring")
	flag.Parse()
	if err := run(context.Background(), c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

type config struct {
	clients, rounds, users int
	turn                   time.Duration
}

// operation is one thing that is measured.
type operation struct {
	name string
	// do does it once; n counts all calls of this operation.
	do func(ctx context.Context, n int64) error
	n  atomic.Int64
	// rates are operations a second, one a turn.
	rates []float64
}

func run(ctx context.Context, c config, out io.Writer) (err error) {
	echo, err := startEcho()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, echo.close()) }()
	s, err := startSubject(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	operations := append([]*operation{{name: "echo: HTTP, gRPC, map", do: echo.call}}, s.operations()...)
	for range c.rounds {
		for _, o := range operations {
			if err := o.turn(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
		}
	}
	base := median(operations[0].rates)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operation\tops/s (median)\tleast\tmost\tof echo\t")
	for _, o := range operations {
		m := median(o.rates)
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.2f\t\n", o.name, m, slices.Min(o.rates), slices.Max(o.rates), m/base)
	}
	return w.Flush()
}

// turn lets all clients do it for a while, and notes the rate.
func (o *operation) turn(ctx context.Context, c config) error {
	var done atomic.Int64
	var clients sync.WaitGroup
	failures := make(chan error, c.clients)
	start := time.Now()
	for range c.clients {
		clients.Go(func() {
			for time.Since(start) < c.turn {
				if err := o.do(ctx, o.n.Add(1)-1); err != nil {
					failures <- err
					return
				}
				done.Add(1)
			}
		})
	}
	clients.Wait()
	o.rates = append(o.rates, float64(done.Load())/time.Since(start).Seconds())
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// client sends requests over kept connections.
func client(clients int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxIdleConns: clients}}
}

// drain reads an answer to its end, so that the connection is kept, and checks its status.
func drain(response *http.Response, want int) error {
	defer func() { _ = response.Body.Close() }() // it was read to its end
	if response.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
		return fmt.Errorf("status %d, want %d: %s", response.StatusCode, want, text)
	}
	_, err := io.Copy(io.Discard, response.Body)
	return err
}
