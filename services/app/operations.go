package app

import (
	"net/http"
	"net/http/pprof"
	"sync/atomic"
)

// readiness is whether this process should get requests.
type readiness struct{ ready atomic.Bool }

// set returns the value before.
func (r *readiness) set(ready bool) (before bool) { return r.ready.Swap(ready) }

// operations serves liveness, readiness, metrics, and optionally profiles to SREs. It requires no sign-in. Profiles reveal what the
// process does, and cost it time.
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
	_, _ = w.Write([]byte(text + "\n")) // the client has gone: nobody can read an error
}
