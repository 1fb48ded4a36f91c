package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// comparing contains the options of `load compare`.
type comparing struct {
	commit                 string
	rounds, clients, users int
	length                 time.Duration // of a turn
	engine, postgres       string
	only                   string
	log                    io.Writer
}

func (c comparing) note(format string, args ...any) { fmt.Fprintf(c.log, format+"\n", args...) }

// operationsCompared are the operations, in the order of the table.
var operationsCompared = []string{"create", "get", "filter", "patch", "member", "check"}

// compareCommand measures this tree beside an earlier commit.
func compareCommand(ctx context.Context, args []string) error {
	c := comparing{log: os.Stderr}
	var seconds float64
	flags := flag.NewFlagSet("load compare", flag.ContinueOnError)
	flags.IntVar(&c.rounds, "rounds", 7, "how often each operation takes its turn on each side, after one round to warm up")
	flags.Float64Var(&seconds, "seconds", 2, "how long a turn lasts")
	flags.IntVar(&c.clients, "clients", 8, "how many clients send at a time")
	flags.IntVar(&c.users, "users", leastUsers, "how many users each directory has to begin with")
	flags.StringVar(&c.engine, "engine", sqliteSetup, "sqlite or postgres: what each Usher, one process, keeps its data in")
	flags.StringVar(&c.postgres, "postgres", "", "URL of a PostgreSQL where databases may be made; empty: one of the run's own")
	flags.StringVar(&c.only, "only", "", "measure only the operations whose names contain this, of "+strings.Join(operationsCompared, ", "))
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: load compare [flags] COMMIT")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if c.commit = flags.Arg(0); flags.NArg() != 1 || c.commit == "" {
		return errors.New("a commit is needed to compare this tree with")
	}
	c.length = time.Duration(seconds * float64(time.Second))
	switch {
	case c.rounds < 1 || c.rounds > 1000:
		return errors.New("-rounds must be 1 to 1000")
	case !(seconds > 0 && seconds <= mostSeconds):
		return fmt.Errorf("-seconds must be above 0, and %d at most", mostSeconds)
	case c.clients < 1 || c.clients > mostClients:
		return fmt.Errorf("-clients must be 1 to %d", mostClients)
	case c.users < leastUsers || c.users > 1_000_000:
		return fmt.Errorf("-users must be %d to 1000000", leastUsers)
	case c.engine != sqliteSetup && c.engine != postgresSetup:
		return fmt.Errorf("-engine must be %s or %s, not %q", sqliteSetup, postgresSetup, c.engine)
	case !slices.ContainsFunc(operationsCompared, c.wanted):
		return fmt.Errorf("-only: no operation's name contains %q", c.only)
	}
	return c.run(ctx, os.Stdout)
}

func (c comparing) wanted(operation string) bool { return strings.Contains(operation, c.only) }

func (c comparing) run(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "usher-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	root, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	commit, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "--end-of-options", c.commit+"^{commit}")
	if err != nil {
		return fmt.Errorf("%q is not a commit of this repository", c.commit)
	}
	worktree := filepath.Join(folder, "worktree")
	if _, err := git(ctx, root, "worktree", "add", "--quiet", "--detach", worktree, commit); err != nil {
		return err
	}
	defer func() { // also after an interrupt
		_, removing := git(context.WithoutCancel(ctx), root, "worktree", "remove", "--force", worktree)
		err = errors.Join(err, removing)
	}()
	var database *postgres
	if c.engine == postgresSetup {
		if database, err = startPostgres(ctx, c.postgres); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, database.close(context.WithoutCancel(ctx))) }()
	}
	sides := map[string]*side{}
	own := filepath.Join(folder, "after", "load")
	for name, tree := range map[string]string{"before": worktree, "after": root} {
		c.note("building %s", name)
		if err := build(ctx, tree, filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
		}
	}
	for _, name := range []string{"before", "after"} {
		s, err := c.start(ctx, name, filepath.Join(folder, name), own, database)
		if err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		defer func() { err = errors.Join(err, s.close()) }()
		sides[name] = s
	}
	measured, err := c.measure(ctx, commit[:min(12, len(commit))], sides["before"], sides["after"])
	if err != nil {
		return err
	}
	return measured.write(out)
}

// measure lets both sides take turns.
func (c comparing) measure(ctx context.Context, commit string, before, after *side) (comparison, error) {
	operations := slices.DeleteFunc(slices.Clone(operationsCompared), func(name string) bool {
		return !c.wanted(name) || !slices.Contains(before.Operations, name) || !slices.Contains(after.Operations, name)
	})
	measured, warm := newComparison(commit, operations), newComparison(commit, operations)
	for round := range c.rounds + 1 {
		into := measured
		if round == 0 {
			into = warm
		}
		for _, name := range operations {
			if err := before.take(ctx, name, c.length, into.before[name]); err != nil {
				return measured, fmt.Errorf("before: %s: %w", name, err)
			}
			if err := after.take(ctx, name, c.length, into.after[name]); err != nil {
				return measured, fmt.Errorf("after: %s: %w", name, err)
			}
		}
		c.note("round %d of %d, the first to warm up", round+1, c.rounds+1)
	}
	return measured, nil
}

// git runs a git command in a folder and returns its output.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	return said(ctx, folder, "git", args...)
}

// build builds a tree's two commands into a folder.
func build(ctx context.Context, tree, into string) error {
	if err := os.MkdirAll(into, 0o700); err != nil {
		return err
	}
	_, err := said(ctx, filepath.Join(tree, "services"), "go", "build", "-buildvcs=false", "-o", into+string(filepath.Separator), "./load", "./cmd/usher")
	return err
}

// said runs a command in a folder and returns its output, without the last line break.
func said(ctx context.Context, folder, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", name, args[0], err, complaint.String())
	}
	return strings.TrimSpace(string(out)), err
}

// side is an Usher of one of the two trees, and the generator that drives it.
type side struct {
	prepared
	server    *exec.Cmd
	generator *exec.Cmd
	orders    io.WriteCloser
	answers   *bufio.Reader
	database  *postgres // nil on SQLite
}

// start starts a side from the commands in a folder. own is the generator of this tree, which drives a commit without a generator.
func (c comparing) start(ctx context.Context, name, folder, own string, database *postgres) (_ *side, err error) {
	s := &side{database: database}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	of := system{Token: operatorToken, Clients: c.clients, Users: c.users}
	if err := c.serve(ctx, s, name, folder, &of); err != nil {
		return nil, err
	}
	text, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	c.note("%s: adding %d users", name, c.users)
	binary := filepath.Join(folder, "load")
	err = s.generate(ctx, binary, string(text))
	if errors.Is(err, errNoGenerator) && binary != own {
		c.note("%s has no generator of its own: this tree's drives it", name)
		err = s.generate(ctx, own, string(text))
	}
	return s, err
}

// serve starts `usher serve` in one process, and waits until it serves. It stores its addresses.
func (c comparing) serve(ctx context.Context, s *side, name, folder string, of *system) error {
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	of.SCIM, of.GRPC = ports[0], ports[2]
	env := append(withoutSettings(), "USHER_OPERATOR_TOKEN="+operatorToken, "USHER_MIGRATE=true", "USHER_GATEWAY__RATE_PER_SECOND=0",
		"USHER_SHUTDOWN_DELAY=0s", "USHER_DATA_DIR="+filepath.Join(folder, "data"),
		"USHER_SCIM_ADDR="+ports[0], "USHER_ADMIN_ADDR="+ports[1], "USHER_GRPC_ADDR="+ports[2], "USHER_OPS_ADDR="+ports[3])
	if s.database != nil {
		database := "usher_compare_" + name
		if err := s.database.create(ctx, database, "template0"); err != nil {
			return err
		}
		env = append(env, "USHER_DATABASE_URL="+s.database.address(database))
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(folder, "usher"), "serve") //nolint:noctx // close ends it
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, folder, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is only for this process, which ends the others
	if err := cmd.Start(); err != nil {
		return err
	}
	s.server = cmd
	if err := waitReady(ctx, "http://"+ports[3]+"/readyz"); err != nil {
		said, _ := os.ReadFile(log.Name()) // without a log, there is still the error
		return fmt.Errorf("usher serve: %w\n%s", err, said[max(0, len(said)-2000):])
	}
	return nil
}

// errNoGenerator says that the command of another commit does not have the role of the generator.
var errNoGenerator = errors.New("it has no generator")

// generate starts a generator, and waits until it can take turns.
func (s *side) generate(ctx context.Context, binary, of string) error {
	cmd := exec.Command(binary) //nolint:noctx // close ends it
	cmd.Env = append(withoutSettings(), roleVariable+"="+generatorRole, systemVariable+"="+of)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if s.orders, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.generator, s.answers = cmd, bufio.NewReader(out)
	switch err := s.answer(ctx, &s.prepared); {
	case errors.Is(err, io.EOF):
		_ = cmd.Wait() // its end without an answer is enough information
		s.generator = nil
		return errNoGenerator
	case err != nil:
		return err
	case s.Error != "":
		return errors.New(s.Error)
	}
	return nil
}

// answer reads the next line of the generator. When the context ends, it kills the generator, which ends the reading.
func (s *side) answer(ctx context.Context, into any) error {
	stop := context.AfterFunc(ctx, func() { _ = s.generator.Process.Kill() }) // it may have ended
	defer stop()
	line, err := s.answers.ReadBytes('\n')
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	return json.Unmarshal(line, into)
}

// take lets the side take a turn, and records the result.
func (s *side) take(ctx context.Context, operation string, length time.Duration, into *series) error {
	cpu := s.cpu()
	if _, err := io.WriteString(s.orders, formatRun(operation, length)); err != nil {
		return err
	}
	var t turn
	if err := s.answer(ctx, &t); err != nil {
		return err
	}
	if t.Error != "" {
		return errors.New(t.Error)
	}
	return into.add(t, s.cpu()-cpu)
}

// cpu returns the CPU time of Usher and of PostgreSQL, if the run started it. Both sides share PostgreSQL, but only one is under load.
func (s *side) cpu() time.Duration {
	used := cpuOf(s.server.Process.Pid)
	if s.database != nil {
		used += s.database.cpu()
	}
	return used
}

func (s *side) close() error {
	var errs []error
	if s.generator != nil {
		errs = append(errs, s.orders.Close(), s.generator.Wait())
	}
	if s.server != nil {
		// It may have ended by itself; then Wait says so.
		_ = s.server.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(time.Minute, func() { _ = s.server.Process.Kill() })
		errs = append(errs, s.server.Wait())
		late.Stop()
	}
	return errors.Join(errs...)
}

// withoutSettings returns the environment without Usher's settings, so that only the settings of the run apply.
func withoutSettings() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "USHER_") })
}

// freePorts returns loopback addresses on which nothing listens.
func freePorts(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // after all are chosen, so that they differ
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}

// waitReady waits until a URL answers 200.
func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close() // only the status counts
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(errors.New("it is not ready"), err)
		}
	}
}
