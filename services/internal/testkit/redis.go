package testkit

import "testing"

var shared server

// Redis gives the path of a Redis server's socket. Tests of one binary share it: each uses keys of its own.
func Redis(t testing.TB) string {
	t.Helper()
	path, err := shared.start(redisScript, temporary())
	need(t, "Redis", err)
	return path
}
