package main

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// write prints the results of sieges.
func (c sieging) write(out io.Writer, all []siege) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s, %d cores, %d clients, %s an attack. Usher has GOMEMLIMIT=%s, each of its processes %d MiB.\n", runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU(), c.clients, c.length, memoryGoal, mostMemory>>20)
	for _, s := range all {
		fmt.Fprintf(&b, "\n%s, memory capped by %s\n\n", s.setup, s.cap)
		b.WriteString("| attack | tenant: operations | p50 ms | p99 ms | worst ms | access follows, p99 ms | errors | attackers' answers | " +
			"gateway: peak MiB | files | busy cores: Usher, attackers, all |\n" +
			"| --- | ---: | ---: | ---: | --- | ---: | ---: | --- | ---: | ---: | --- |\n")
		for _, stage := range s.stages {
			stage.write(&b)
		}
		if s.checked > 0 {
			fmt.Fprintf(&b, "\nAt the end %s facts that were acknowledged to the tenant were checked.\n", thousands(float64(s.checked)))
		}
		for _, failure := range s.failures {
			fmt.Fprintf(&b, "\n**FAILED** %s\n", failure)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (s stageOfSiege) write(b *strings.Builder) {
	took := s.tenant.all()
	p99 := quantile(took, 0.99)
	worst := milliseconds(quantile(took, 1))
	if kind := s.tenant.worst(); kind != "" {
		worst += " (" + kind + ")"
	}
	memory := fmt.Sprint(s.peak >> 20)
	if s.others > 0 {
		memory += fmt.Sprintf(", others %d", s.others>>20)
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s%s | %s | %s | %d | %s | %s | %d | %.1f, %.1f, %.1f |\n", s.attack, thousands(float64(len(took))),
		milliseconds(quantile(took, 0.5)), milliseconds(p99), verdict(p99 <= slowest), worst,
		milliseconds(quantile(slices.Sorted(slices.Values(s.tenant.follows)), 0.99)), len(s.tenant.errors), answered(s.Answers), memory, s.files,
		s.cores, s.CPU/s.took.Seconds(), s.busy)
}

// answered describes answers, the most frequent first.
func answered(answers map[string]int) string {
	names := slices.SortedFunc(maps.Keys(answers), func(x, y string) int {
		if answers[x] != answers[y] {
			return answers[y] - answers[x]
		}
		return strings.Compare(x, y)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s × %s", thousands(float64(answers[name])), name)
	}
	return strings.Join(names, ", ")
}

// milliseconds writes a duration with two significant digits.
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f", ms)
	}
	return thousands(ms)
}
