package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// sieging contains the options of `load siege`.
type sieging struct {
	clients int
	length  time.Duration // of each attack
	setups  []string
	only    string
	log     io.Writer
}

func (c sieging) note(format string, args ...any) { fmt.Fprintf(c.log, format+"\n", args...) }

const (
	mostSiegeClients = 256
	mostSiegeSeconds = 60
	// quiet is the episode without an attack.
	quiet = "none"
	// slowest is the greatest p99 that the tenant may see.
	slowest = 500 * time.Millisecond
)

// siegeSetups are the setups that can be besieged.
var siegeSetups = []string{sqliteSetup, splitSetup}

// siegeCommand attacks an Usher beside a well-behaved tenant.
func siegeCommand(ctx context.Context, args []string) error {
	c := sieging{log: os.Stderr}
	var seconds float64
	var setups string
	flags := flag.NewFlagSet("load siege", flag.ContinueOnError)
	flags.StringVar(&setups, "setups", strings.Join(siegeSetups, ","), "which Ushers are attacked: one process on SQLite, or a process a service on PostgreSQL and Redis")
	flags.Float64Var(&seconds, "seconds", 5, "how long each attack lasts")
	flags.IntVar(&c.clients, "clients", 64, "how many clients attack at a time")
	flags.StringVar(&c.only, "only", "", "only the attacks whose names contain this")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: load siege [flags]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	c.setups, c.length = strings.Split(setups, ","), time.Duration(seconds*float64(time.Second))
	for _, setup := range c.setups {
		if !slices.Contains(siegeSetups, setup) {
			return fmt.Errorf("-setups: %q is none of %s", setup, strings.Join(siegeSetups, ", "))
		}
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not understood: there are flags only", flags.Arg(0))
	case !(seconds >= 1 && seconds <= mostSiegeSeconds):
		return fmt.Errorf("-seconds must be 1 to %d", mostSiegeSeconds)
	case c.clients < 1 || c.clients > mostSiegeClients:
		return fmt.Errorf("-clients must be 1 to %d", mostSiegeClients)
	case runtime.GOOS != "linux":
		return errors.New("a siege needs Linux, which limits the memory of processes and reports what they use")
	}
	return c.run(ctx, os.Stdout)
}

func (c sieging) run(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "usher-siege-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	root, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	binary := filepath.Join(folder, "usher")
	c.note("building")
	if _, err := said(ctx, filepath.Join(root, "services"), "go", "build", "-buildvcs=false", "-o", binary, "./cmd/usher"); err != nil {
		return err
	}
	var all []siege
	for _, setup := range c.setups {
		s, err := c.siege(ctx, binary, filepath.Join(folder, setup), setup)
		if err != nil {
			return fmt.Errorf("%s: %w", setup, err)
		}
		all = append(all, s)
	}
	if err := c.write(out, all); err != nil {
		return err
	}
	var failures []error
	for _, s := range all {
		for _, failure := range s.failures {
			failures = append(failures, fmt.Errorf("%s: %s", s.setup, failure))
		}
	}
	return errors.Join(failures...)
}

// siege is the result of all attacks on one Usher.
type siege struct {
	setup    string
	cap      string
	stages   []stageOfSiege
	checked  int // facts that were checked at the end
	failures []string
}

// stageOfSiege is the result of one attack.
type stageOfSiege struct {
	attack string
	tenant *episode
	outcome
	used
	took time.Duration
}

// siege starts an Usher, and runs all attacks on it, one after another, then all together.
func (c sieging) siege(ctx context.Context, binary, folder, setup string) (s siege, err error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return s, err
	}
	c.note("%s: starting", setup)
	b, err := besiege(ctx, binary, folder, setup)
	if err != nil {
		return s, err
	}
	defer func() {
		died := len(b.dead()) > 0 // it was recorded
		if closing := b.close(); !died {
			err = errors.Join(err, closing)
		}
	}()
	s = siege{setup: setup, cap: b.gateway().cap.String()}
	t, err := settleTenant(ctx, b)
	if err != nil {
		return s, fmt.Errorf("setting up the tenant: %w", err)
	}
	defer t.connections.close()
	c.note("%s: filling the attackers' directories", setup)
	a, err := c.startAttackers(ctx, b, t, folder)
	if err != nil {
		return s, fmt.Errorf("starting the attackers: %w", err)
	}
	defer func() { err = errors.Join(err, a.close()) }()
	living, rest := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { // ends with living
		t.live(living)
		close(ended)
	}()
	defer func() { rest(); <-ended }()
	t.turn()
	for _, attack := range append(append([]string{quiet}, a.Operations...), together) {
		if !strings.Contains(attack, c.only) && attack != quiet {
			continue
		}
		stage, err := c.stage(ctx, b, t, a, attack)
		if err != nil {
			return s, fmt.Errorf("%s: %w", attack, err)
		}
		c.note("%s: %s: p99 %s, %d errors", setup, attack, milliseconds(quantile(stage.tenant.all(), 0.99)), len(stage.tenant.errors))
		s.add(stage, b.dead())
		if len(b.dead()) > 0 {
			return s, nil
		}
	}
	rest()
	<-ended
	lost, checked, err := t.lost(ctx)
	if err != nil {
		return s, fmt.Errorf("reading what was acknowledged: %w", err)
	}
	s.checked = checked
	for _, one := range first(10, lost) {
		s.failures = append(s.failures, "lost: "+one)
	}
	return s, nil
}

// stage runs one attack on the Usher.
func (c sieging) stage(ctx context.Context, b *besieged, t *tenant, a *attackersProcess, attack string) (stageOfSiege, error) {
	s := stageOfSiege{attack: attack}
	measured, err := b.measure()
	if err != nil {
		return s, err
	}
	t.turn()
	began := time.Now()
	if attack == quiet {
		select {
		case <-time.After(c.length):
		case <-ctx.Done():
			return s, ctx.Err()
		}
	} else {
		s.outcome, err = a.run(ctx, attack, c.length)
	}
	s.took, s.tenant, s.used = time.Since(began), t.turn(), measured.end()
	return s, err
}

// add adds a stage, with its failures.
func (s *siege) add(stage stageOfSiege, dead []string) {
	s.stages = append(s.stages, stage)
	fail := func(format string, args ...any) {
		s.failures = append(s.failures, stage.attack+": "+fmt.Sprintf(format, args...))
	}
	for _, one := range dead {
		fail("%s", one)
	}
	if n := len(stage.tenant.errors); n > 0 {
		fail("the tenant got %d errors, such as:\n  %s", n, strings.Join(first(3, stage.tenant.errors), "\n  "))
	}
	for _, one := range stage.Inside {
		fail("%s", one)
	}
	if stage.Error != "" {
		fail("the attackers failed: %s", stage.Error)
	}
}

func first(n int, all []string) []string { return all[:min(n, len(all))] }

// attackersProcess is the process of the attackers.
type attackersProcess struct {
	prepared
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
}

// startAttackers creates the attackers' organization, and starts their process with a low priority: if they took the cores from the other
// processes, the run would measure this.
func (c sieging) startAttackers(ctx context.Context, b *besieged, t *tenant, folder string) (_ *attackersProcess, err error) {
	of := assault{SCIM: b.scim, Admin: b.admin, GRPC: b.grpc, Clients: c.clients, Operator: operatorToken, Tenant: t.base}
	if b.redis != nil {
		of.Redis = b.redis.socket
	}
	if of.Large, err = newDirectory(ctx, b, attackersOrganization); err != nil {
		return nil, err
	}
	if of.Many, err = newDirectory(ctx, b, attackersOrganization); err != nil {
		return nil, err
	}
	if of.Credential, err = newCredential(ctx, b, attackersOrganization); err != nil {
		return nil, err
	}
	if _, err := rulev1.NewTenantServiceClient(b.public).CreateTenant(withToken(ctx, operatorToken),
		&rulev1.CreateTenantRequest{OrganizationId: attackersOrganization, Tenant: &rulev1.Tenant{Id: generatorTenant}}); err != nil {
		return nil, err
	}
	text, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	a := &attackersProcess{cmd: exec.Command("nice", "-n", "10", own)} //nolint:noctx // close ends it
	a.cmd.Env = append(withoutSettings(), roleVariable+"="+attackersRole, assaultVariable+"="+string(text))
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(folder, "attackers.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	a.cmd.Stderr = log
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if a.orders, err = a.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	a.answers = bufio.NewReader(out)
	if err = a.answer(ctx, &a.prepared); err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		_, _ = a.orders.Close(), a.cmd.Wait() // it has failed already
		said, _ := os.ReadFile(log.Name())    // without a log, there is still the error
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return a, nil
}

// answer reads the attackers' next line. When the context ends, it kills them, which ends the reading.
func (a *attackersProcess) answer(ctx context.Context, into any) error {
	stop := context.AfterFunc(ctx, func() { _ = a.cmd.Process.Kill() }) // it may have ended
	defer stop()
	line, err := a.answers.ReadBytes('\n')
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	return json.Unmarshal(line, into)
}

// attackFor is how much longer than planned an attack may take.
const attackFor = time.Minute

func (a *attackersProcess) run(ctx context.Context, attack string, length time.Duration) (o outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, length+attackFor)
	defer cancel()
	if _, err := io.WriteString(a.orders, formatAttack(attack, length)); err != nil {
		return o, err
	}
	return o, a.answer(ctx, &o)
}

func (a *attackersProcess) close() error {
	return errors.Join(a.orders.Close(), a.cmd.Wait())
}
