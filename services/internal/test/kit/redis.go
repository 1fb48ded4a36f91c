package kit

import "testing"

var shared server

// Redis gives the URL of a Redis server. Tests of one binary share it: each uses keys of its own.
func Redis(t testing.TB) string {
	t.Helper()
	path, err := shared.start(redisScript, temporary())
	need(t, "Redis", err)
	return "unix://" + path
}

// RedisServer is a Redis server of one test, which may do to it what happens to servers.
type RedisServer struct{ own }

// StartRedis starts a server that ends with the test.
func StartRedis(t testing.TB) *RedisServer {
	t.Helper()
	return &RedisServer{start(t, "Redis", redisScript, temporary())}
}

// URL is where it is, also after a Restart.
func (s *RedisServer) URL() string { return "unix://" + s.address }

// Path is its socket.
func (s *RedisServer) Path() string { return s.address }

// Restart kills it and starts it again, empty.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.order("kill")
	s.order("start")
}
