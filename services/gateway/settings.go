package gateway

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/gateway/internal/scimhttp"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// Settings are the settings of the service: of SCIM, and of all its APIs.
type Settings struct {
	scimhttp.Limits          `koanf:",squash"`
	InFlightBytes            int64   `koanf:"in_flight_bytes" doc:"Memory that requests under way of SCIM, the admin REST API and the public gRPC API may take together; of SCIM, by an estimate of 8 bytes for each byte of a body and twice an answer. 0 is half of GOMEMLIMIT, or 256 MiB without one."`
	InFlightShareBytes       int64   `koanf:"in_flight_share_bytes" doc:"Largest part of in_flight_bytes for one directory or one service credential. 0 means a quarter."`
	UnknownKeysPerAddress    float64 `koanf:"unknown_keys_per_address" doc:"Look-ups a second of unknown API keys, credentials and sessions from one address, and requests a second to sign in, with bursts of ten times as many. Usher answers more of them with 429."`
	UnknownKeys              float64 `koanf:"unknown_keys" doc:"The same from all addresses together."`
	SessionRequestsPerSecond float64 `koanf:"session_requests_per_second" doc:"Requests a second of one session of a person, over REST, with bursts of ten times as many. Each gateway counts for itself. Usher answers more of them with 429."`
	WatchesPerCredential     int     `koanf:"watches_per_credential" doc:"Largest number of open watches of access of one service credential, or of one operator token, over REST and gRPC together."`
	TraceURL                 string  `koanf:"trace_url" doc:"Address of a trace in your tracing tool, with {trace_id} where the id belongs, such as https://traces.example.com/trace/{trace_id}. The console links to it. Empty: no links."`
	LogSuccesses             float64 `koanf:"log_successes" doc:"The part of successful requests that get a log line, from 0 to 1. Failed requests, and changes by admins and services, always get one."`
	SpoolBytes               int64   `koanf:"spool_bytes" doc:"Largest size of the spool, which contains failed events and counts of messages that are not delivered yet. Counts use a quarter of it at most."`
}

// Defaults returns the default settings.
func Defaults() Settings {
	return Settings{
		Limits: scimhttp.Limits{
			RatePerSecond: 100, MaxBodyBytes: 1 << 20, MaxGroupBytes: 64 << 20, MaxBulkBytes: 4 << 20, MaxBulkOperations: 1000,
			MessagesAtOnce: 8, RequestTimeout: 30 * time.Second,
		},
		UnknownKeysPerAddress: 10, UnknownKeys: 100, SessionRequestsPerSecond: 20, WatchesPerCredential: 100, LogSuccesses: 1, SpoolBytes: 256 << 20,
	}
}

// mostBodyBytes is the upper bound of all body limits: messages between services have this limit, and a Bulk is in memory as a whole.
const mostBodyBytes = 64 << 20

// Check returns all problems of the settings.
func (s Settings) Check() config.Problems {
	var p config.Problems
	config.AtLeast0(&p, "gateway.rate_per_second", s.RatePerSecond)
	config.Between(&p, "gateway.max_body_bytes", s.MaxBodyBytes, 1, mostBodyBytes)
	config.Between(&p, "gateway.max_group_bytes", s.MaxGroupBytes, 1, mostBodyBytes)
	config.Between(&p, "gateway.max_bulk_bytes", s.MaxBulkBytes, 1, mostBodyBytes)
	config.Above0(&p, "gateway.max_bulk_operations", s.MaxBulkOperations)
	config.Above0(&p, "gateway.messages_at_once", s.MessagesAtOnce)
	config.Above0(&p, "gateway.request_timeout", s.RequestTimeout)
	config.Above0(&p, "gateway.unknown_keys_per_address", s.UnknownKeysPerAddress)
	config.Above0(&p, "gateway.unknown_keys", s.UnknownKeys)
	config.Above0(&p, "gateway.session_requests_per_second", s.SessionRequestsPerSecond)
	config.Above0(&p, "gateway.watches_per_credential", s.WatchesPerCredential)
	config.Between(&p, "gateway.log_successes", s.LogSuccesses, 0, 1)
	config.Above0(&p, "gateway.spool_bytes", s.SpoolBytes)
	if u, err := url.Parse(s.TraceURL); s.TraceURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.Contains(s.TraceURL, "{trace_id}")) {
		p.Add("gateway.trace_url", "an http or https address that contains {trace_id}", s.TraceURL)
	}
	total, _ := s.inFlight()
	p.InFlight("gateway", s.InFlightBytes, s.InFlightShareBytes, total, s.largest(), "the largest body of max_body_bytes and max_bulk_bytes")
	return p
}

// inFlight returns how much memory all requests in flight may take, and how much of it those of one directory or service credential may
// take. The defaults have room for the largest body.
func (s Settings) inFlight() (total, share int64) {
	total = cmp.Or(s.InFlightBytes, inflight.Default(2, s.largest()))
	return total, cmp.Or(s.InFlightShareBytes, max(total/4, min(s.largest(), total)))
}

// largest is how much memory the largest body takes. The body of a group is read in parts.
func (s Settings) largest() int64 { return scimhttp.MostInFlight(max(s.MaxBodyBytes, s.MaxBulkBytes)) }
