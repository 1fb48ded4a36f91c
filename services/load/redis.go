package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a Redis of the run itself, on a socket, without persistence.
type redisServer struct {
	socket string
	cmd    *exec.Cmd
}

func startRedis(ctx context.Context, folder string) (*redisServer, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on this machine: install it with make test-packages")
	}
	s := &redisServer{socket: filepath.Join(folder, "redis.sock")}
	s.cmd = exec.Command(program, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", //nolint:noctx // close ends it
		"--dir", folder, "--logfile", filepath.Join(folder, "redis.log"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket})
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := client.Ping(ctx).Err()
		if err == nil {
			tick.Stop()
			return s, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("starting Redis: %w", err), s.close())
		}
	}
}

func (s *redisServer) url() string { return "unix://" + s.socket }

func (s *redisServer) close() error {
	return errors.Join(s.cmd.Process.Signal(syscall.SIGTERM), s.cmd.Wait())
}
