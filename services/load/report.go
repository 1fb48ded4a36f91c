package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
)

// report contains the results of a run.
type report struct {
	options
	speed  []*operation
	growth []grown
	memory memory
}

// target is the goal of an operation.
type target struct {
	operation string
	// The share of DB's or Hop's rate, in the two topologies; 0 if there is no goal.
	oneOfDB, oneOfHop, splitOfDB, splitOfHop float64
}

// targets returns the goals of the design for the measured operations. Those for a member, and those that are not named separately, are the
// same in both topologies.
func (r report) targets() []target {
	all := []target{
		{createUser, 0.5, 0, 0.5, 0},
		{getUser, 0.35, 0, 0, 0.75},
		{filterUsers, 0.35, 0, 0, 0.75},
		{patchUser, 0.5, 0, 0.5, 0},
		{pageOfUsers, 0, 0.5, 0, 0.5},
		{memberOfMany, 0.4, 0, 0.4, 0},
		{memberOf(smallGroup), 0.4, 0, 0.4, 0},
		{memberOf(largeGroup(r.users)), 0.4, 0, 0.4, 0},
		{createAlone, 0, 0, 0, 0},
		{createByBulk, 0, 0, 0, 0},
	}
	return slices.DeleteFunc(all, func(t target) bool { return !strings.Contains(t.operation, r.only) })
}

const (
	// slower is how much longer anything may take with the most users, and slowerLarge how much longer a member of the large group may
	// take.
	slower, slowerLarge = 1.2, 1.1
	// The goals for memory, in bytes.
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

// hopFor returns the operation of Hop to compare an operation of Usher with.
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
		r.writeBulk(&b)
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

// writeBulk compares Bulks with the same number of messages.
func (r report) writeBulk(b *strings.Builder) {
	if len(r.wanted(createAlone, createByBulk)) < 2 {
		return
	}
	fmt.Fprintf(b, "\n| one client, ratio turn by turn | %s |\n| --- |%s\n| by Bulk of 1,000 of one by one |", strings.Join(r.setups, " | "),
		strings.Repeat(" ---: |", len(r.setups)))
	for _, setup := range r.setups {
		s := against(find(r.speed, setup, createByBulk).rates, find(r.speed, setup, createAlone).rates)
		fmt.Fprintf(b, " %.2f (%.2f–%.2f) |", s.median, s.least, s.most)
	}
	b.WriteString("\n")
}

// writeCPU shows the CPU time behind the rates. It depends less on other work on the machine.
func (r report) writeCPU(b *strings.Builder) {
	columns := append([]string{whoHop, whoDB}, r.setups...)
	fmt.Fprintf(b, "\n| µs of CPU time each, + PostgreSQL's | %s |\n| --- |%s\n", strings.Join(columns, " | "), strings.Repeat(" ---: |", len(columns)))
	for _, t := range r.targets() {
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

func (r report) writeRatios(b *strings.Builder) {
	compared := slices.DeleteFunc(r.targets(), func(t target) bool { return t == target{operation: t.operation} }) // with those that others can do
	if len(compared) == 0 {
		return
	}
	b.WriteString("\n| PostgreSQL, ratio turn by turn | one process of DB | of Hop | a process a service of DB | of Hop |\n| --- | ---: | ---: | ---: | ---: |\n")
	for _, t := range compared {
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
	for _, g := range r.growth {
		if g.setup == splitSetup || len(r.wanted(growthNames...)) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n| %s, operations a second | at %s users | at %s | time, turn by turn |\n| --- | ---: | ---: | ---: |\n", g.setup,
			thousands(float64(r.sizes[0])), thousands(float64(r.sizes[1])))
		for _, name := range growthNames {
			if base, o := find(g.operations, few, name), find(g.operations, many, name); o != nil {
				fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, rate(base), rate(o), slowerBy(base, o, g.target(slower)))
			}
		}
	}
	users := thousands(float64(r.sizes[1]))
	sizes := []int{smallGroup, mediumGroup(r.sizes[1]), largeGroup(r.sizes[1])}
	if len(r.wanted(memberOf(sizes[0]), memberOf(sizes[1]), memberOf(sizes[2]))) > 0 {
		r.writeMembers(b, users, sizes)
	}
	if len(r.wanted(readGroup(sizes[2]))) > 0 {
		r.writeRead(b, users, sizes[2])
	}
}

// target returns the goal for a figure. The goals of the design are for PostgreSQL.
func (g grown) target(most float64) float64 {
	if g.setup == sqliteSetup {
		return 0
	}
	return most
}

// rate shows how often per second something is done, or nothing if this is not known.
func rate(o *operation) string {
	if o == nil {
		return ""
	}
	return thousands(spreadOf(o.rates).median)
}

// slowerBy shows how much longer something takes than something else, and the limit; 0 is no limit.
func slowerBy(than, o *operation, most float64) string {
	if than == nil || o == nil {
		return ""
	}
	s := against(than.rates, o.rates)
	text := fmt.Sprintf("%.2f (%.2f–%.2f)", s.median, s.least, s.most)
	if most > 0 {
		text += fmt.Sprintf(", target %.1f%s", most, verdict(s.median <= most))
	}
	return text
}

// writeMembers compares edits of groups of several sizes.
func (r report) writeMembers(b *strings.Builder, users string, sizes []int) {
	fmt.Fprintf(b, "\n| at %s users, a member in or out a second | of 10 |", users)
	for _, size := range sizes[1:] {
		fmt.Fprintf(b, " of %s | time, turn by turn |", thousands(float64(size)))
	}
	b.WriteString("\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, g := range r.growth {
		base := find(g.operations, many, memberOf(sizes[0]))
		fmt.Fprintf(b, "| %s | %s |", g.setup, rate(base))
		for _, size := range sizes[1:] {
			o := find(g.operations, many, memberOf(size))
			fmt.Fprintf(b, " %s | %s |", rate(o), slowerBy(base, o, g.target(slowerLarge)))
		}
		b.WriteString("\n")
	}
}

// writeRead shows how one client reads the large group.
func (r report) writeRead(b *strings.Builder, users string, members int) {
	fmt.Fprintf(b, "\n| at %s users, %s | seconds | MB | MB/s | of Hop's MB/s | MiB resident: before, at most |\n"+
		"| --- | ---: | ---: | ---: | ---: | --- |\n", users, readGroup(members))
	for _, g := range r.growth {
		o, passed := find(g.operations, many, readGroup(members)), find(g.operations, whoHop, readGroup(members))
		if o == nil || passed == nil {
			continue
		}
		s, of := spreadOf(o.rates), against(o.rates, passed.rates)
		var resident []string
		worst := int64(0)
		for _, p := range g.peaks {
			if p.most == 0 {
				continue // not on Linux
			}
			resident = append(resident, fmt.Sprintf("%s %d, %d", p.process, p.before>>20, p.most>>20))
			worst = max(worst, p.most)
		}
		if most := g.target(loadedMost); most > 0 && worst > 0 {
			resident = append(resident, fmt.Sprintf("target %d%s", loadedMost>>20, verdict(float64(worst) <= most)))
		}
		fmt.Fprintf(b, "| %s | %.2f (%.2f–%.2f) | %.1f | %.0f | %.2f (%.2f–%.2f) | %s |\n", g.setup, o.megabytes/s.median, o.megabytes/s.most,
			o.megabytes/s.least, o.megabytes, s.median, of.median, of.least, of.most, strings.Join(resident, "; "))
	}
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
