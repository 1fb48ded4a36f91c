// Package kit provides real PostgreSQL and Redis servers to tests. It starts them from the machine's packages, as an unprivileged user, in
// a temporary folder, once per test binary. They end with the test binary, however it ends.
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

// A shell runs each server, and waits for the end of its standard input. The test binary has the other end of the pipe open, so the server
// stops when the binary exits, even when it is killed.
//
//go:embed postgres.sh
var postgresScript string

//go:embed redis.sh
var redisScript string

// server is a started server, or the reason why it could not start.
type server struct {
	once    sync.Once
	process process // its end of the pipe stays open while the test binary lives
	err     error
}

// process is a script that runs a server.
type process struct {
	address string // where the server accepts connections
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	cmd     *exec.Cmd
}

// start runs the script, and reads the address that it prints when the server accepts connections.
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
	// No goroutine stays behind, because tests check for those.
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

// missing is the name of a program that is not installed.
type missing string

func (m missing) Error() string { return "there is no " + string(m) + " on this machine" }

// SkipNothing is an environment variable. If it is set, a test fails instead of being skipped because a program is not installed. `make
// test` sets it, because a skipped test shows nothing, and must not look as if it had passed.
const SkipNothing = "TESTS_SKIP_NOTHING"

// need ends the test if its server could not be started.
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

// Program returns the path of a program that the test runs.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		err = missing(name)
	}
	need(t, name, err)
	return path
}

// temporary returns the folder in which the servers keep their data.
func temporary() string { return os.TempDir() }
