package app

import (
	"math"
	"runtime/debug"
	"testing"
)

// It is not parallel: it sets what is the whole process's.
func TestTheCollectorsPaceIsThatOfTheEnvironmentOrSeldom(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	for name, c := range map[string]struct {
		gogc               string
		limit              int64
		percent, nextLimit int64
	}{
		"nothing is set": {limit: math.MaxInt64, percent: 400, nextLimit: 1 << 30},
		"both are set":   {gogc: "100", limit: 300 << 20, percent: 100, nextLimit: 300 << 20},
	} {
		t.Setenv("GOGC", c.gogc)
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(c.limit)
		PaceCollector()
		if got := debug.SetGCPercent(100); int64(got) != c.percent {
			t.Errorf("%s: the heap may grow by %d %%, want %d", name, got, c.percent)
		}
		if got := debug.SetMemoryLimit(-1); got != c.nextLimit {
			t.Errorf("%s: the limit is %d bytes, want %d", name, got, c.nextLimit)
		}
	}
}
