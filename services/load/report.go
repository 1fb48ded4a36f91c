package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
)

// report is what a run found.
type report struct {
	options
	speed, growth []*operation
	memory        memory
}

// target is what an operation must reach.
type target struct {
	operation string
	// of DB, or of Hop, in the two topologies; 0 where there is none.
	oneOfDB, oneOfHop, splitOfDB, splitOfHop float64
}

// targets are those of the design. A member's, and what is not named apart, are the same in both topologies.
func (r report) targets() []target {
	return []target{
		{createUser, 0.5, 0, 0.5, 0},
		{getUser, 0.35, 0, 0, 0.75},
		{filterUsers, 0.35, 0, 0, 0.75},
		{patchUser, 0.5, 0, 0.5, 0},
		{pageOfUsers, 0, 0.5, 0, 0.5},
		{memberOfMany, 0.4, 0, 0.4, 0},
		{memberOfTen, 0.4, 0, 0.4, 0},
		{memberOfLarge(r.users), 0.4, 0, 0.4, 0},
	}
}

const (
	// slower is by how much longer anything may take with the most users, and slowerLarge a member of the large group.
	slower, slowerLarge = 1.2, 1.1
	// Of memory, in bytes.
	idleMost, loadedMost = 60 << 20, 150 << 20
)

func find(all []*operation, who, name string) *operation {
	for _, o := range all {
		if o.who == who && o.name == name && len(o.rates) > 0 {
			return o
		}
	}
	return nil
}

// hopFor is the operation of Hop that one of Usher's is compared with.
func hopFor(name string) string {
	switch name {
	case getUser, filterUsers:
		return getUser
	case pageOfUsers:
		return pageOfUsers
	}
	return ""
}

func (r report) write(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s, %d cores, %d clients, %d turns of %s: the median turn, and in brackets the least and the most.\n", runtime.GOOS,
		runtime.GOARCH, runtime.NumCPU(), r.clients, r.rounds, r.turn)
	if len(r.speed) > 0 {
		r.writeRates(&b)
		r.writeRatios(&b)
		if r.before != "" {
			r.writeBefore(&b)
		}
		r.writeCPU(&b)
	}
	if len(r.growth) > 0 {
		r.writeGrowth(&b)
	}
	if r.memory.idle > 0 {
		b.WriteString("\n| memory of one process | MiB | target |\n| --- | ---: | ---: |\n")
		for _, m := range []struct {
			what       string
			have, most int64
		}{{"idle", r.memory.idle, idleMost}, {thousands(float64(r.users)) + " users under load", r.memory.loaded, loadedMost}} {
			fmt.Fprintf(&b, "| %s | %d | %d%s |\n", m.what, m.have>>20, m.most>>20, verdict(m.have <= m.most))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r report) writeRates(b *strings.Builder) {
	columns := append([]string{whoHop, whoDB}, r.setups...)
	fmt.Fprintf(b, "\n| operations a second | %s |\n| --- |%s\n", strings.Join(columns, " | "), strings.Repeat(" ---: |", len(columns)))
	for _, t := range r.targets() {
		if !strings.Contains(t.operation, r.only) {
			continue
		}
		fmt.Fprintf(b, "| %s |", t.operation)
		for _, who := range columns {
			cell := ""
			if o := find(r.speed, who, t.operation); o != nil {
				s := spreadOf(o.rates)
				cell = fmt.Sprintf("%s (%s–%s)", thousands(s.median), thousands(s.least), thousands(s.most))
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteString("\n")
	}
}

// writeCPU tells what the rates are made of: this depends less on what else the machine does.
func (r report) writeCPU(b *strings.Builder) {
	columns := append([]string{whoHop, whoDB}, r.setups...)
	fmt.Fprintf(b, "\n| µs of CPU time each, + PostgreSQL's | %s |\n| --- |%s\n", strings.Join(columns, " | "), strings.Repeat(" ---: |", len(columns)))
	for _, t := range r.targets() {
		if !strings.Contains(t.operation, r.only) {
			continue
		}
		fmt.Fprintf(b, "| %s |", t.operation)
		for _, who := range columns {
			cell := ""
			if o := find(r.speed, who, t.operation); o != nil {
				servers, database := o.each()
				if servers > 0 {
					cell = fmt.Sprint(servers.Microseconds())
				}
				if database > 0 {
					cell += fmt.Sprintf(" + %d", database.Microseconds())
				}
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteString("\n")
	}
}

// writeBefore compares this build with another.
func (r report) writeBefore(b *strings.Builder) {
	fmt.Fprintf(b, "\n| of before, turn by turn | %s |\n| --- |%s\n", strings.Join(allSetups, " | "), strings.Repeat(" ---: |", len(allSetups)))
	for _, t := range r.targets() {
		fmt.Fprintf(b, "| %s |", t.operation)
		for _, setup := range allSetups {
			cell := ""
			if after, before := find(r.speed, setup, t.operation), find(r.speed, setup+beforeSuffix, t.operation); after != nil && before != nil {
				s := against(after.rates, before.rates)
				cell = fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.least, s.most)
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteString("\n")
	}
}

func (r report) writeRatios(b *strings.Builder) {
	b.WriteString("\n| PostgreSQL, ratio turn by turn | one process of DB | of Hop | a process a service of DB | of Hop |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, t := range r.targets() {
		if !strings.Contains(t.operation, r.only) {
			continue
		}
		fmt.Fprintf(b, "| %s |", t.operation)
		for _, c := range []struct {
			setup, base, name string
			want              float64
		}{
			{postgresSetup, whoDB, t.operation, t.oneOfDB}, {postgresSetup, whoHop, hopFor(t.operation), t.oneOfHop},
			{splitSetup, whoDB, t.operation, t.splitOfDB}, {splitSetup, whoHop, hopFor(t.operation), t.splitOfHop},
		} {
			cell := ""
			if usher, base := find(r.speed, c.setup, t.operation), find(r.speed, c.base, c.name); usher != nil && base != nil {
				s := against(usher.rates, base.rates)
				cell = fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.least, s.most)
				if c.want > 0 {
					cell += fmt.Sprintf(", target %.2f%s", c.want, verdict(s.median >= c.want))
				}
			}
			fmt.Fprintf(b, " %s |", cell)
		}
		b.WriteString("\n")
	}
}

func (r report) writeGrowth(b *strings.Builder) {
	few, many := thousands(float64(r.sizes[0])), thousands(float64(r.sizes[1]))
	fmt.Fprintf(b, "\n| one process on PostgreSQL, operations a second | at %s users | at %s | time, turn by turn | target |\n| --- | ---: | ---: | ---: | ---: |\n", few, many)
	for _, name := range []string{createUser, getUser, filterUsers, patchUser, pageOfUsers} {
		writeSlower(b, name, find(r.growth, smallDatabase, name), find(r.growth, greatDatabase, name), slower)
	}
	large := memberOfLarge(r.sizes[1])
	fmt.Fprintf(b, "\n| at %s users, operations a second | of 10 | of %s | time, turn by turn | target |\n| --- | ---: | ---: | ---: | ---: |\n", many,
		thousands(float64(largeGroup(r.sizes[1]))))
	writeSlower(b, "a member in or out, of one group", find(r.growth, greatDatabase, memberOfTen), find(r.growth, greatDatabase, large), slowerLarge)
}

func writeSlower(b *strings.Builder, name string, few, many *operation, most float64) {
	if few == nil || many == nil {
		return
	}
	s := against(few.rates, many.rates)
	fmt.Fprintf(b, "| %s | %s | %s | %.2f (%.2f–%.2f) | %.1f%s |\n", name, thousands(spreadOf(few.rates).median), thousands(spreadOf(many.rates).median),
		s.median, s.least, s.most, most, verdict(s.median <= most))
}

func verdict(reached bool) string {
	if reached {
		return ""
	}
	return " **missed**"
}

// thousands writes a number with commas.
func thousands(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
