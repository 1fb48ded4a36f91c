package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// comparison contains the measurements of the earlier commit and of this tree, round by round, by operation.
type comparison struct {
	commit     string
	operations []string
	before     map[string]*series
	after      map[string]*series
}

// series contains the measurements of one of the two for one operation, with one element per round.
type series struct {
	cpu     []float64 // seconds each, of the servers
	latency []float64 // seconds, the median
}

// add adds a round: the result of the turn, and the CPU time of the servers from before the turn until all its work was done.
func (s *series) add(t turn, cpu time.Duration) error {
	if t.Done < 1 {
		return errors.New("nothing was done in a turn")
	}
	s.cpu = append(s.cpu, cpu.Seconds()/float64(t.Done))
	s.latency = append(s.latency, t.Median.Seconds())
	return nil
}

func newComparison(commit string, operations []string) comparison {
	c := comparison{commit: commit, operations: operations, before: map[string]*series{}, after: map[string]*series{}}
	for _, name := range operations {
		c.before[name], c.after[name] = &series{}, &series{}
	}
	return c
}

// write prints the table. A ratio is the median of the ratios of the rounds, with the least and the greatest one. Below 1, this tree takes
// less.
func (c comparison) write(out io.Writer) error {
	rounds := 0
	for _, s := range c.before {
		rounds = max(rounds, len(s.cpu))
	}
	_, err := fmt.Fprintf(out, "%s/%s, %d cores, %d rounds; before is %s, after is this tree; below 1.00 it takes less.\n\n"+
		"| operation | µs of CPU time each: before | after | after/before | µs of latency: before | after | after/before |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds, c.commit)
	for _, name := range c.operations {
		if err != nil {
			return err
		}
		before, after := c.before[name], c.after[name]
		_, err = fmt.Fprintf(out, "| %s | %s | %s |\n", name, ratioCells(before.cpu, after.cpu), ratioCells(before.latency, after.latency))
	}
	return err
}

// ratioCells returns three cells: the medians of two series of seconds, in µs, and the ratio.
func ratioCells(before, after []float64) string {
	ratio := against(after, before)
	return fmt.Sprintf("%s | %s | %.3f (%.3f–%.3f)", thousands(spreadOf(before).median*1e6), thousands(spreadOf(after).median*1e6),
		ratio.median, ratio.least, ratio.most)
}
