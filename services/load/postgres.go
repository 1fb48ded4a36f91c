package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresSettings are the settings of the run's own server, as for a small production server: every commit is on disk before it is
// answered.
var postgresSettings = []string{
	"listen_addresses=", "max_connections=300", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min",
	"fsync=on", "synchronous_commit=on", "full_page_writes=on",
}

// postgres is the measured PostgreSQL server.
type postgres struct {
	url       *url.URL
	programs  string // the folder of its programs
	databases []string

	// For a server of the run itself:
	folder string
	cmd    *exec.Cmd
}

// startPostgres starts a server, or uses the one at an address.
func startPostgres(ctx context.Context, address string) (*postgres, error) {
	p := &postgres{programs: postgresPrograms()}
	if address != "" {
		var err error
		if p.url, err = url.Parse(address); err != nil || p.url.Scheme != "postgres" && p.url.Scheme != "postgresql" {
			return nil, errors.New("-postgres must be an address such as postgres://usher@localhost/postgres") // it may contain a password
		}
		return p, nil
	}
	if p.programs == "" {
		return nil, errors.New("there is no PostgreSQL on this machine: install it with make test-packages, or name a server with -postgres")
	}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting PostgreSQL: %w", err), p.close(context.WithoutCancel(ctx)))
	}
	return p, nil
}

// postgresPrograms returns the folder with the newest initdb and other programs, or an empty string.
func postgresPrograms() string {
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/opt/homebrew/opt/postgresql*/bin/initdb"} {
		some, _ := filepath.Glob(pattern) // the patterns are valid
		found = append(found, some...)
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }))
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// version returns the number in a path such as /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return r < '0' || r > '9' }) {
		n, _ := strconv.Atoi(part) // digits
		return n
	}
	return 0
}

// start creates a cluster in a temporary folder, and serves it on a socket there.
func (p *postgres) start(ctx context.Context) (err error) {
	if p.folder, err = os.MkdirTemp("", "usher-load-pg-"); err != nil {
		return err
	}
	as, err := unprivileged()
	if err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(p.folder, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(p.folder, "data")
	make := exec.CommandContext(ctx, filepath.Join(p.programs, "initdb"), "--pgdata="+data, "--username=usher", "--auth=trust",
		"--encoding=UTF8", "--locale=C")
	make.Dir, make.SysProcAttr = p.folder, &syscall.SysProcAttr{Credential: as}
	if said, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, said)
	}
	args := []string{"-D", data, "-k", p.folder}
	for _, setting := range postgresSettings {
		args = append(args, "-c", setting)
	}
	p.cmd = exec.Command(filepath.Join(p.programs, "postgres"), args...) //nolint:noctx // close ends it
	p.cmd.Dir, p.cmd.SysProcAttr = p.folder, &syscall.SysProcAttr{Credential: as, Setpgid: true}
	log, err := os.Create(filepath.Join(p.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return err
	}
	p.url = &url.URL{Scheme: "postgres", User: url.User("usher"), Path: "/postgres", RawQuery: url.Values{"host": {p.folder}}.Encode()}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := p.execute(ctx, "postgres", "SELECT 1")
		if err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			said, _ := os.ReadFile(log.Name()) // without a log, there is still the error
			return fmt.Errorf("it accepts no connections: %w\n%s", err, said)
		}
	}
}

// unprivileged returns the user for a server if this process is root, because PostgreSQL refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // it runs as the present user
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// address returns the URL of a database.
func (p *postgres) address(database string) string {
	u := *p.url
	u.Path = "/" + database
	return u.String()
}

// create creates a database, empty or as a copy of another one. It replaces a database of that name.
func (p *postgres) create(ctx context.Context, database, template string) error {
	if err := p.drop(ctx, database); err != nil {
		return err
	}
	p.databases = append(p.databases, database)
	return p.execute(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()+" TEMPLATE "+pgx.Identifier{template}.Sanitize())
}

func (p *postgres) drop(ctx context.Context, database string) error {
	return p.execute(ctx, "postgres", "DROP DATABASE IF EXISTS "+pgx.Identifier{database}.Sanitize()+" WITH (FORCE)")
}

func (p *postgres) execute(ctx context.Context, database, statement string) error {
	conn, err := pgx.Connect(ctx, p.address(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// cpu returns the CPU time of a server of the run itself; for another one it is not known, and 0.
func (p *postgres) cpu() time.Duration {
	if p.cmd == nil {
		return 0
	}
	return cpuOf(family(p.cmd.Process.Pid)...)
}

// sessions returns how many processes a server of the run itself has; for another one this is not known, and 0.
func (p *postgres) sessions() int {
	if p.cmd == nil {
		return 0
	}
	return len(family(p.cmd.Process.Pid))
}

// close ends a server of the run itself. On another one, it drops the created databases.
func (p *postgres) close(ctx context.Context) error {
	var errs []error
	switch {
	case p.cmd != nil:
		errs = append(errs, p.cmd.Process.Signal(syscall.SIGINT), p.cmd.Wait()) // a fast shutdown
	case p.url != nil:
		for _, database := range p.databases {
			errs = append(errs, p.drop(ctx, database))
		}
	}
	if p.folder != "" {
		errs = append(errs, os.RemoveAll(p.folder))
	}
	return errors.Join(errs...)
}
