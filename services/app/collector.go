package app

import (
	"os"
	"runtime/debug"
)

// Usher's live heap is a few megabytes. With Go's default GOGC of 100, the collector would run a dozen times a second under load, and
// take a tenth of the CPU time.
const (
	collectorPercent = 400
	memoryGoal       = 1 << 30
)

// PaceCollector returns the memory of the start to the system, and makes Go's garbage collector run less often: after the heap has
// grown by 400 %, or near 1 GiB, or near twice the memory for running requests if that is more. GOGC and GOMEMLIMIT override this.
// Call it once, after the start of the app: the settings would take an earlier limit for GOMEMLIMIT.
func PaceCollector(s Settings) {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(max(memoryGoal, 2*(s.Gateway.InFlightBytes+s.Identity.InFlightBytes)))
	}
}
