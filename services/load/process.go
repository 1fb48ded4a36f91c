package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// roleVariable tells this binary to be a measured server: each one is a process of its own, as in production.
const roleVariable = "LOAD_ROLE"

// The roles.
const (
	usherRole    = "usher"     // an Usher, or a part of one, with the settings in USHER_*
	hopStoreRole = "hop-store" // see hop.go
	hopAPIRole   = "hop-api"
)

func play(ctx context.Context, role string) error {
	if role == generatorRole {
		return generate(ctx, os.Getenv(systemVariable), os.Stdin, os.Stdout)
	}
	if role == attackersRole {
		return attackUsher(ctx, os.Getenv(assaultVariable), os.Stdin, os.Stdout)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin) // it ends when the parent process ends, in any way
		cancel()
	}()
	switch role {
	case usherRole:
		return serveUsher(ctx)
	case hopStoreRole:
		return serveHopStore(ctx)
	case hopAPIRole:
		return serveHopFace(ctx)
	}
	return fmt.Errorf("%s: there is no role %q", roleVariable, role)
}

// addresses are the addresses of a process; those that it does not have are empty.
type addresses struct{ SCIM, Admin, GRPC, Ops, Service string }

// announce reports that this process serves.
func announce(a addresses) error { return json.NewEncoder(os.Stdout).Encode(a) }

// process is this binary in a role.
type process struct {
	addresses
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	log   string // the file with its output
}

// startProcess starts a process and waits until it serves. env contains its settings.
func startProcess(ctx context.Context, folder, name, role string, env ...string) (_ *process, err error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: exec.Command(binary), log: filepath.Join(folder, name+".log")} //nolint:noctx // stop ends it
	p.cmd.Env = append(append(withoutSettings(), roleVariable+"="+role), env...)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// An interrupt from the terminal is only for the measuring process, which stops the others.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() }) // it may have ended
	defer stop()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.addresses)
	}
	if err != nil {
		_, _ = p.cmd.Process.Kill(), p.cmd.Wait() // it may have ended by itself
		return nil, fmt.Errorf("process %s did not start: %w\n%s", name, err, p.said())
	}
	return p, nil
}

// said returns the end of its log.
func (p *process) said() string {
	said, _ := os.ReadFile(p.log) // without a log, there is nothing to show
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) stop() error {
	err := errors.Join(p.stdin.Close(), p.cmd.Wait())
	if err != nil {
		err = fmt.Errorf("process %s: %w\n%s", p.name, err, p.said())
	}
	return err
}

// resident returns how much memory it has, in bytes.
func (p *process) resident(ctx context.Context) (int64, error) {
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(p.pid())).Output()
	if err != nil {
		return 0, fmt.Errorf("asking ps for the memory of process %s: %w", p.name, err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return kib << 10, err
}
