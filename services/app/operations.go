package app

import (
	"net/http"
	"net/http/pprof"
	"sync/atomic"
)

// readiness says whether requests should be sent here.
type readiness struct{ ready atomic.Bool }

// set gives what it was before.
func (r *readiness) set(ready bool) (before bool) { return r.ready.Swap(ready) }

// operations is what SREs ask: is it alive, is it ready, its metrics, and its profiles where they are wanted. Nobody signs in
// here, and a profile shows what the process does and takes its time.
func operations(ready *readiness, metrics http.Handler, profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready.ready.Load() {
			answer(w, http.StatusOK, "ready")
			return
		}
		answer(w, http.StatusServiceUnavailable, "not ready")
	})
	mux.Handle("GET /metrics", metrics)
	if !profiles {
		return mux
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // who asked has gone: nobody to tell
}
