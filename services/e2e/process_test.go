package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/app"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// order tells this binary, by the environment, to be an Usher instead of running tests: a process that can be killed.
type order struct {
	DataDir  string
	Addrs    addresses
	Topology app.Topology
}

const orderVariable = "USHER_E2E_ORDER"

// refuseFile in the data folder makes failedevents unreachable for the gateway.
const refuseFile = "refuse-failedevents"

func TestMain(m *testing.M) {
	text := os.Getenv(orderVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "serving:", err)
		os.Exit(1)
	}
}

// serve runs until it is told to stop, and tells where it listens.
func (o order) serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	tel, err := telemetry.New(ctx, telemetry.Config{Logs: os.Stderr, Text: true})
	if err != nil {
		return err
	}
	s := testSettings(o.DataDir, "127.0.0.1:0")
	if o.Addrs.SCIM != "" {
		s.SCIMAddr, s.AdminAddr, s.GRPCAddr, s.OpsAddr = o.Addrs.SCIM, o.Addrs.Admin, o.Addrs.GRPC, o.Addrs.Ops
	}
	a, err := app.Start(ctx, s, withDefaults(app.Options{Topology: o.Topology, Telemetry: tel, Intercept: o.intercept}))
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

func (o order) intercept(caller, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface {
	if caller == commonv1.Caller_CALLER_GATEWAY && callee == commonv1.Caller_CALLER_FAILEDEVENTS {
		return refusing{conn, filepath.Join(o.DataDir, refuseFile)}
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

// process is an Usher in a process of its own.
type process struct {
	*usher
	order order
	log   string // file of what it logs
	mu    sync.Mutex
	cmd   *exec.Cmd
}

// startProcess starts one and waits until it serves.
func startProcess(t *testing.T, topology app.Topology) *process {
	t.Helper()
	p := &process{usher: &usher{t: t, dataDir: t.TempDir()}, log: filepath.Join(t.TempDir(), "process.log")}
	p.order = order{DataDir: p.dataDir, Topology: topology}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.addrs = p.order.Addrs
	p.connect()
	return p
}

// start starts the process, again on the addresses that it had.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	var last error
	for range 20 {
		// The context is not the test's: a cleanup kills it.
		cmd := exec.CommandContext(context.Background(), binary)
		cmd.Env = append(os.Environ(), orderVariable+"="+jsonText(p.order))
		errors, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		cmd.Stderr = errors
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &p.order.Addrs)
		}
		if err == nil {
			p.cmd = cmd
			return nil
		}
		// Its port may have been taken for a moment while it was down.
		last = fmt.Errorf("the process did not start: %w", err)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	log, _ := os.ReadFile(p.log)
	return fmt.Errorf("%w\n%s", last, log)
}

// kill ends it with SIGKILL, which it cannot notice.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// restart kills it and starts it again.
func (p *process) restart() {
	p.kill()
	if err := p.start(); err != nil {
		p.t.Errorf("starting again: %v", err)
	}
}
