// Package kit gives tests real PostgreSQL and Redis servers: started from the machine's packages, as an unprivileged
// user, in a temporary folder, once a test binary; and ended with it, however it ends.
package kit

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The servers are run by a shell that waits for its standard input to end. The test binary holds the other end of the
// pipe, so that they stop when it exits, even when it is killed.
//
//go:embed postgres.sh
var postgresScript string

//go:embed redis.sh
var redisScript string

// server is one that was started, or why not.
type server struct {
	once    sync.Once
	process process // its end of the pipe is held open while the test binary lives
	err     error
}

// process is a script that runs a server.
type process struct {
	address string // where the server takes connections
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	cmd     *exec.Cmd
}

// start runs the script and reads the address that it prints once the server takes connections.
func (s *server) start(script string, args ...string) (string, error) {
	s.once.Do(func() { s.process, s.err = launch(script, args...) })
	return s.process.address, s.err
}

func launch(script string, args ...string) (process, error) {
	cmd := exec.Command("bash", append([]string{"-c", script, "kit"}, args...)...) //nolint:noctx // it lives as long as this process
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return process{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return process{}, err
	}
	if err := cmd.Start(); err != nil {
		return process{}, err
	}
	// No goroutine is left behind here: tests look for those.
	said := bufio.NewReader(stdout)
	line, _ := said.ReadString('\n')
	if address, ok := strings.CutPrefix(line, "ready "); ok {
		return process{strings.TrimSpace(address), stdin, said, cmd}, nil
	}
	rest, _ := io.ReadAll(said)
	if program, ok := strings.CutPrefix(line, "missing "); ok {
		_, _ = stdin.Close(), cmd.Wait() // it has ended for this reason
		return process{}, missing(strings.TrimSpace(program))
	}
	return process{}, errors.Join(fmt.Errorf("the server did not start: %s%s", line, rest), stdin.Close(), cmd.Wait())
}

// missing is a program that is not installed.
type missing string

func (m missing) Error() string { return "there is no " + string(m) + " on this machine" }

// SkipNothing is the environment variable under which a test fails that would be skipped because a program is not installed. `make
// test` sets it: a test that is not run says nothing, and must not look as if it had.
const SkipNothing = "TESTS_SKIP_NOTHING"

// need ends the test when its server cannot be had.
func need(t testing.TB, what string, err error) {
	t.Helper()
	var absent missing
	switch {
	case err == nil:
	case errors.As(err, &absent) && os.Getenv(SkipNothing) == "":
		t.Skipf("%s is needed, and %v: `make test-packages` installs it", what, absent)
	default:
		t.Fatalf("%s is needed: %v", what, err)
	}
}

// Program is where a program is that the test runs.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		err = missing(name)
	}
	need(t, name, err)
	return path
}

// temporary is where the servers keep their data.
func temporary() string { return os.TempDir() }
