package testkit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

var shared server

// Redis gives the URL of a Redis server. Tests of one binary share it: each uses keys of its own.
func Redis(t testing.TB) string {
	t.Helper()
	path, err := shared.start(redisScript, temporary())
	need(t, "Redis", err)
	return "unix://" + path
}

// RedisServer is a Redis server of one test, which may do to it what happens to servers.
type RedisServer struct {
	t    testing.TB
	path string

	mu     sync.Mutex // one order at a time
	stdin  io.WriteCloser
	stdout *bufio.Reader
	cmd    *exec.Cmd
}

// StartRedis starts a server that ends with the test.
func StartRedis(t testing.TB) *RedisServer {
	t.Helper()
	p, err := launch(redisScript, temporary())
	need(t, "Redis", err)
	s := &RedisServer{t: t, path: p.address, stdin: p.stdin, stdout: p.stdout, cmd: p.cmd}
	t.Cleanup(func() {
		if err := errors.Join(s.stdin.Close(), s.cmd.Wait()); err != nil {
			t.Errorf("ending Redis: %v", err)
		}
	})
	return s
}

// URL is where it is, also after a Restart.
func (s *RedisServer) URL() string { return "unix://" + s.path }

// Path is its socket.
func (s *RedisServer) Path() string { return s.path }

// Stop kills it: what it held is lost, and its connections break.
func (s *RedisServer) Stop() { s.t.Helper(); s.order("kill") }

// Restart kills it and starts it again, empty.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.order("kill")
	s.order("start")
}

// Freeze stops it from running: it takes connections and commands, and answers none before Thaw.
func (s *RedisServer) Freeze() { s.t.Helper(); s.order("freeze") }

// Thaw lets it run on: it carries out what was sent to it meanwhile.
func (s *RedisServer) Thaw() { s.t.Helper(); s.order("thaw") }

func (s *RedisServer) order(word string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintln(s.stdin, word); err != nil {
		s.t.Fatalf("telling Redis to %s: %v", word, err)
	}
	if line, err := s.stdout.ReadString('\n'); strings.TrimSpace(line) != "done" {
		s.t.Fatalf("telling Redis to %s: %q, %v", word, line, err)
	}
}
