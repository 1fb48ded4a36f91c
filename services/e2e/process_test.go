package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// Environment variables that tell this binary to be an Usher, with the settings in USHER_*, instead of running tests: a
// process that can be killed.
const (
	orderVariable = "E2E_SERVE"
	leaseVariable = "E2E_LEASE"
	// refuseVariable names a file; while it is there the gateway can't reach failedevents.
	refuseVariable = "E2E_REFUSE_FAILEDEVENTS"
)

func TestMain(m *testing.M) {
	if os.Getenv(orderVariable) == "" {
		os.Exit(m.Run())
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "serving:", err)
		os.Exit(1)
	}
}

// serve runs until it is told to stop, and says when it serves.
func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := app.DevelopmentDefaults()
	if err := config.Load(&s, config.Source{Environ: os.Environ()}); err != nil {
		return err
	}
	lease, err := time.ParseDuration(os.Getenv(leaseVariable))
	if err != nil {
		return err
	}
	tel, err := telemetry.New(ctx, telemetry.Config{Logs: os.Stderr, Text: true})
	if err != nil {
		return err
	}
	a, err := app.Start(ctx, s, app.Options{Telemetry: tel, Now: time.Now, Lease: lease, ClockSkew: lease / 4, Intercept: intercept})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(addresses{a.SCIMAddr(), a.AdminAddr(), a.GRPCAddr(), a.OpsAddr()}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-a.Failed():
	}
	stopCtx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(err, a.Stop(stopCtx))
}

func intercept(caller, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	if file := os.Getenv(refuseVariable); file != "" && caller == commonv1.Caller_CALLER_GATEWAY && callee == commonv1.Caller_CALLER_FAILEDEVENTS {
		return refusing{conn, file}
	}
	return conn
}

// refusing is a connection that fails while a file is there.
type refusing struct {
	grpc.ClientConnInterface
	file string
}

func (r refusing) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	if _, err := os.Stat(r.file); !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Unavailable, "refused by the test")
	}
	return r.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
}

// process is a process of an Usher.
type process struct {
	t      *testing.T
	name   string
	env    []string
	log    string // file of what it logs
	binary string // the product's own, in place of this one

	restarting sync.Mutex

	mu    sync.Mutex
	cmd   *exec.Cmd
	addrs addresses
}

// newProcess describes a process with settings in the environment's form; it is ended with the test.
func newProcess(t *testing.T, name string, env ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, log: filepath.Join(t.TempDir(), name+".log")}
	p.env = append(append(os.Environ(), orderVariable+"=1", leaseVariable+"="+quickLease.String()), env...)
	t.Cleanup(func() {
		p.kill()
		if said, _ := os.ReadFile(p.log); t.Failed() {
			t.Logf("%s warned and said at last:\n%s\n%s", name, tail(warnings(string(said))), tail(string(said)))
		}
	})
	return p
}

// start starts it and waits until it serves.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last error
	for range 20 {
		if last = p.try(); last == nil {
			return nil
		}
		// Its port may have been taken for a moment while it was down.
	}
	return last
}

func (p *process) try() error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	// The context is not the test's: a cleanup kills it.
	cmd := exec.CommandContext(context.Background(), binary)
	if p.binary != "" {
		cmd = exec.CommandContext(context.Background(), p.binary, "serve", "--migrate")
	}
	cmd.Env = p.env
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	if p.binary != "" {
		if err := cmd.Start(); err != nil {
			return err
		}
		p.cmd, p.addrs = cmd, addresses{p.setting("SCIM_ADDR"), p.setting("ADMIN_ADDR"), p.setting("GRPC_ADDR"), p.setting("OPS_ADDR")}
		eventually(p.t, p.name+" is ready", p.ready)
		return nil
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.addrs)
	}
	if err == nil {
		p.cmd = cmd
		return nil
	}
	_, _ = cmd.Process.Kill(), cmd.Wait() // it may have ended by itself
	said, _ := os.ReadFile(p.log)
	return fmt.Errorf("process %s did not start: %w\n%s", p.name, err, tail(string(said)))
}

// setting is what the environment says of a setting.
func (p *process) setting(name string) (value string) {
	for _, variable := range p.env {
		if given, ok := strings.CutPrefix(variable, "USHER_"+name+"="); ok {
			value = given
		}
	}
	return value
}

// ready says whether the product says that it is.
func (p *process) ready() bool {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+p.addrs.Ops+"/readyz", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// product builds the product as it is shipped: without the race detector, which takes several times the memory.
func product(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "usher")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/usher").CombinedOutput(); err != nil {
		t.Fatalf("building the product: %v\n%s", err, out)
	}
	return binary
}

// warnings are the lines of a log that say what is wrong.
func warnings(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}

// tail is the end of a log.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// kill ends it at once, if it runs.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_, _ = p.cmd.Process.Kill(), p.cmd.Wait() // it was killed: that is its error
		p.cmd = nil
	}
}

// restart kills it and starts it again. Who asks meanwhile has it done once more.
func (p *process) restart() {
	p.restarting.Lock()
	defer p.restarting.Unlock()
	p.kill()
	if err := p.start(); err != nil {
		p.t.Error(err)
	}
}

// freeze stops it from running, and thaw lets it run on. Meanwhile the system takes connections and what they bring for it.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("telling %s: %v", p.name, err)
	}
}

// said is what it has logged.
func (p *process) said() string {
	p.t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// terminate asks it to stop, and waits until it has.
func (p *process) terminate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if err == nil {
		err = p.cmd.Wait()
	}
	p.cmd = nil
	return err
}
