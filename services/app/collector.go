package app

import (
	"os"
	"runtime/debug"
)

// What lives in Usher is a few megabytes. With Go's GOGC of 100 the collector would run some dozen times a second under load, for a
// tenth of the CPU time.
const (
	collectorPercent = 400
	memoryGoal       = 1 << 30
)

// PaceCollector gives back the memory that the start needed, and makes the garbage collector of this process run less often than by
// Go's default: when the heap has grown by 400 %, or nears 1 GiB, or twice what requests under way may take if that is more. GOGC
// and GOMEMLIMIT say otherwise where they are set. Call it once the app has started: a limit of memory that is set earlier counts as
// GOMEMLIMIT for the settings.
func PaceCollector(s Settings) {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(memoryGoal, 2*(s.Gateway.InFlightBytes+s.Identity.InFlightBytes)))
	}
}
