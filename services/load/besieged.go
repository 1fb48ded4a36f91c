package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// mostMemory is how much memory a process under siege may have, in bytes, enforced by the kernel. The goal of the garbage collector is
// below it.
const (
	mostMemory = 512 << 20
	memoryGoal = "400MiB"
)

// besieged is the released binary under siege: `usher serve`, one process on SQLite, or a process per service.
type besieged struct {
	scim, admin, grpc string
	processes         []*capped // the gateway is the last one
	public            *grpc.ClientConn
	database          *postgres
	redis             *redisServer
}

// besiege starts a besieged Usher from a binary. The settings are those of production, including the rate limit of a directory.
func besiege(ctx context.Context, binary, folder, setup string) (_ *besieged, err error) {
	b := &besieged{}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	ports, err := freePorts(4 + 2*len(backend))
	if err != nil {
		return nil, err
	}
	b.scim, b.admin, b.grpc = ports[0], ports[1], ports[2]
	env := append(withoutSettings(), "GOMEMLIMIT="+memoryGoal, "USHER_OPERATOR_TOKEN="+operatorToken, "USHER_MIGRATE=true", "USHER_SHUTDOWN_DELAY=0s",
		// No address is a proxy here, so each address has its share of connections.
		"USHER_TRUSTED_PROXIES=192.0.2.1")
	doors := []string{"USHER_SCIM_ADDR=" + b.scim, "USHER_ADMIN_ADDR=" + b.admin, "USHER_GRPC_ADDR=" + b.grpc}
	start := func(name, ops string, more ...string) error {
		all := append(append(slices.Clone(env), more...), "USHER_OPS_ADDR="+ops, "USHER_DATA_DIR="+filepath.Join(folder, name))
		p, err := startCapped(ctx, binary, folder, name, ops, all)
		if p != nil {
			b.processes = append(b.processes, p)
		}
		return err
	}
	if setup == sqliteSetup {
		if err := start("usher", ports[3], doors...); err != nil {
			return nil, err
		}
		return b, b.connect()
	}
	if b.database, err = startPostgres(ctx, ""); err != nil {
		return nil, err
	}
	if b.redis, err = startRedis(ctx, folder); err != nil {
		return nil, err
	}
	const database = "usher_siege"
	if err := b.database.create(ctx, database, "template0"); err != nil {
		return nil, err
	}
	certified := filepath.Join(folder, "certificates")
	authority, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	if err == nil {
		err = authority.Write(certified, time.Now(), append(backend, commonv1.Caller_CALLER_GATEWAY)...)
	}
	if err != nil {
		return nil, err
	}
	env = append(env, "USHER_DATABASE_URL="+b.database.address(database), "USHER_REDIS_URL="+b.redis.url(), "USHER_CERTIFICATES_DIR="+certified,
		"USHER_PUBLIC_URL=http://"+b.scim, "USHER_ADMIN_URL=http://"+b.admin)
	for i, service := range backend {
		key := "USHER_" + strings.ToUpper(rpc.CallerName(service))
		env = append(env, key+"__ADDR="+ports[4+2*i], key+"__LISTEN_ADDR="+ports[4+2*i])
	}
	for i, service := range backend {
		name := rpc.CallerName(service)
		if err := start(name, ports[5+2*i], "USHER_TARGET="+name); err != nil {
			return nil, err
		}
	}
	if err := start("gateway", ports[3], append(doors, "USHER_TARGET=gateway")...); err != nil {
		return nil, err
	}
	return b, b.connect()
}

func (b *besieged) connect() (err error) {
	b.public, err = grpc.NewClient(b.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	return err
}

// gateway returns the process that clients reach.
func (b *besieged) gateway() *capped { return b.processes[len(b.processes)-1] }

// dead lists the processes that have ended. There should be none.
func (b *besieged) dead() (all []string) {
	for _, p := range b.processes {
		select {
		case <-p.ended:
			all = append(all, fmt.Sprintf("the process %s has ended: %v\n%s", p.name, p.err, p.said()))
		default:
		}
	}
	return all
}

func (b *besieged) pids() (all []int) {
	for _, p := range b.processes {
		all = append(all, p.cmd.Process.Pid)
	}
	return all
}

func (b *besieged) close() error {
	var errs []error
	if b.public != nil {
		errs = append(errs, b.public.Close())
	}
	for _, p := range slices.Backward(b.processes) {
		errs = append(errs, p.stop())
	}
	if b.redis != nil {
		errs = append(errs, b.redis.close())
	}
	if b.database != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		errs = append(errs, b.database.close(ctx))
	}
	return errors.Join(errs...)
}

// withToken adds a token to a call.
func withToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// capped is a process whose memory is limited by the kernel.
type capped struct {
	name  string
	cap   memoryCap
	cmd   *exec.Cmd
	log   string        // the file with its output
	ended chan struct{} // closed when it has ended; err has the reason
	err   error
}

// startCapped starts `usher serve`, and waits until it is ready. It returns the process even if it does not become ready.
func startCapped(ctx context.Context, binary, folder, name, ops string, env []string) (*capped, error) {
	p := &capped{name: name, cap: newMemoryCap(name), log: filepath.Join(folder, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := p.cap.command(binary, "serve")
	p.cmd = exec.Command(command[0], command[1:]...) //nolint:noctx // stop ends it
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = env, folder, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the terminal is only for this process, which ends the others
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, p.cap.remove())
	}
	go func() { // ends with the process, which stop ends
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with this function
		select {
		case <-p.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := waitReady(ctx, "http://"+ops+"/readyz"); err != nil {
		return p, fmt.Errorf("starting %s: %w\n%s", name, err, p.said())
	}
	return p, nil
}

// said returns the end of its log.
func (p *capped) said() string {
	text, _ := os.ReadFile(p.log) // without a log, there is nothing to show
	return string(text[max(0, len(text)-2000):])
}

// files returns how many files it has open, or 0 if this is not known.
func (p *capped) files() int {
	names, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)) // without this folder, it has ended
	return len(names)
}

func (p *capped) stop() error {
	// It may have ended by itself; then its error says so.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	<-p.ended
	late.Stop()
	err := p.err
	if err != nil {
		err = fmt.Errorf("process %s: %w\n%s", p.name, err, p.said())
	}
	return errors.Join(err, p.cap.remove())
}

// memoryCap is how the kernel limits the memory of a process to mostMemory: with a control group if possible, otherwise with the limit of
// its data segment (RLIMIT_DATA).
type memoryCap struct{ group string }

// The folders for control groups, with the files that contain the limits of a group.
var memoryGroups = []struct {
	folder string
	limits map[string]string
}{
	{"/sys/fs/cgroup/memory", map[string]string{"memory.limit_in_bytes": strconv.Itoa(mostMemory)}},
	{"/sys/fs/cgroup", map[string]string{"memory.max": strconv.Itoa(mostMemory), "memory.swap.max": "0"}},
}

func newMemoryCap(name string) memoryCap {
	for _, of := range memoryGroups {
		group := filepath.Join(of.folder, fmt.Sprintf("usher-siege-%d-%s", os.Getpid(), name))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		// The system creates these files with the group. A folder without them is not a group.
		if limit(group, of.limits) == nil {
			return memoryCap{group}
		}
		_ = os.Remove(group) // it is empty
	}
	return memoryCap{}
}

func limit(group string, limits map[string]string) error {
	for name, value := range limits {
		file, err := os.OpenFile(filepath.Join(group, name), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = file.WriteString(value)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// String names the kind of limit.
func (m memoryCap) String() string {
	if m.group != "" {
		return "a memory cgroup"
	}
	return "RLIMIT_DATA"
}

// command wraps a command so that it runs within the limit from its start.
func (m memoryCap) command(args ...string) []string {
	if m.group != "" {
		return append([]string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(m.group, "cgroup.procs")}, args...)
	}
	return append([]string{"sh", "-c", `ulimit -d "$0" && exec "$@"`, strconv.Itoa(mostMemory >> 10)}, args...)
}

// remove removes the group after its process has ended.
func (m memoryCap) remove() error {
	if m.group == "" {
		return nil
	}
	if err := os.Remove(m.group); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// usage is what processes have used since begin.
type usage struct {
	server   *besieged
	files    int // the greatest number that the gateway had open
	stop     chan struct{}
	sampling sync.WaitGroup
	began    time.Time
	cpu      time.Duration // of the Usher processes
	busy     time.Duration // of the machine
}

// sampled is the interval at which the open files of a process are counted.
const sampled = 200 * time.Millisecond

func (b *besieged) measure() (*usage, error) {
	for _, pid := range b.pids() {
		if err := forgetPeak(pid); err != nil {
			return nil, err
		}
	}
	u := &usage{server: b, stop: make(chan struct{}), began: time.Now(), cpu: cpuOf(b.pids()...), busy: busy()}
	u.sampling.Go(func() {
		for tick := time.NewTicker(sampled); ; {
			u.files = max(u.files, b.gateway().files())
			select {
			case <-tick.C:
			case <-u.stop:
				tick.Stop()
				return
			}
		}
	})
	return u, nil
}

// used is the result of a usage.
type used struct {
	files       int
	peak        int64   // the peak resident memory of the gateway, in bytes
	others      int64   // the highest peak of another process; 0 without others
	cores, busy float64 // how many cores the Usher processes kept busy, and how many were busy in all
}

func (u *usage) end() used {
	close(u.stop)
	u.sampling.Wait()
	seconds := time.Since(u.began).Seconds()
	all := used{files: u.files, cores: (cpuOf(u.server.pids()...) - u.cpu).Seconds() / seconds, busy: (busy() - u.busy).Seconds() / seconds}
	for _, p := range u.server.processes {
		all.others = max(all.others, all.peak)
		all.peak = peakOf(p.cmd.Process.Pid)
	}
	return all
}
