package kit

import "testing"

var shared server

// Redis returns the URL of a Redis server. The tests of one binary share it, and each one uses its own keys.
func Redis(t testing.TB) string {
	t.Helper()
	path, err := shared.start(redisScript, temporary())
	need(t, "Redis", err)
	return "unix://" + path
}

// RedisServer is a Redis server of one test, which may stop, freeze and restart it.
type RedisServer struct{ own }

// StartRedis starts a server that ends with the test.
func StartRedis(t testing.TB) *RedisServer {
	t.Helper()
	return &RedisServer{start(t, "Redis", redisScript, temporary())}
}

// URL returns the URL of the server. It stays the same after a Restart.
func (s *RedisServer) URL() string { return "unix://" + s.address }

// Path returns the path of its socket.
func (s *RedisServer) Path() string { return s.address }

// Restart kills the server and starts it again, empty.
func (s *RedisServer) Restart() {
	s.t.Helper()
	s.order("kill")
	s.order("start")
}
