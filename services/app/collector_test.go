package app

import (
	"math"
	"runtime/debug"
	"testing"
)

// This test is not parallel, because it changes settings of the whole process.
func TestTheCollectorRunsRarelyUnlessTheEnvironmentSaysOtherwise(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	for name, c := range map[string]struct {
		gogc, goMemLimit string
		inFlight         int64
		percent, limit   int64
	}{
		"nothing is set":            {percent: 400, limit: 1 << 30},
		"both are set":              {gogc: "100", goMemLimit: "off", percent: 100, limit: math.MaxInt64},
		"much may be under way":     {inFlight: 3 << 30, percent: 400, limit: 6 << 30},
		"the memory alone is bound": {goMemLimit: "off", percent: 400, limit: math.MaxInt64},
	} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.goMemLimit)
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(math.MaxInt64)
		s := Defaults()
		s.Gateway.InFlightBytes = c.inFlight
		PaceCollector(s)
		if got := debug.SetGCPercent(100); int64(got) != c.percent {
			t.Errorf("%s: the heap may grow by %d %%, want %d", name, got, c.percent)
		}
		if got := debug.SetMemoryLimit(-1); got != c.limit {
			t.Errorf("%s: the limit is %d bytes, want %d", name, got, c.limit)
		}
	}
}
