package app

import "runtime/debug"

// ballastBytes is what the garbage collector believes to live besides what does. It may then leave as much garbage lie
// before it collects again; the memory of a process under load grows by no more than that.
const ballastBytes = 32 << 20

// Ballast gives back what the start needed, and then makes the collector of this process collect less often. It collects
// whenever the heap has doubled since the last time, and what lives in Usher is a few megabytes: it would do so some dozen
// times a second, for a tenth of the CPU time. Nothing is ever written to the ballast, so it is no memory but on paper. Keep
// it alive as long as the process serves, by runtime.KeepAlive.
func Ballast() []byte {
	debug.FreeOSMemory()
	return make([]byte, ballastBytes)
}
