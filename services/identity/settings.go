package identity

import (
	"cmp"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/server"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// Settings are the settings of the service. DatabaseURL names a PostgreSQL database that Migrate has prepared; any number of
// processes may use it.
type Settings struct {
	config.Service     `koanf:",squash"`
	ChangeRetention    time.Duration `koanf:"change_retention" doc:"Time for which Usher keeps records of the change feed. A rule service that was away for longer reconciles all users."`
	InFlightBytes      int64         `koanf:"in_flight_bytes" doc:"Memory for large groups in progress. Usher counts 1.5 bytes for each byte of a group, plus 8 MiB. Lists may take half of this in addition, and the lists of one directory a quarter of that half; Usher counts 2 bytes for each byte of a list's documents. 0 means a quarter of GOMEMLIMIT, or 256 MiB without one."`
	InFlightShareBytes int64         `koanf:"in_flight_share_bytes" doc:"Largest part of in_flight_bytes for the groups of one directory. 0 means half."`
	ScanLimit          int           `koanf:"scan_limit" doc:"Largest number of resources that a list reads if no index serves its filter or order. Beyond it, Usher refuses a page by index, and ends a page by cursor early."`
	DocumentBytes      int           `koanf:"document_bytes" doc:"Largest stored document of a user or group, without a group's members: from 64 KiB to 16 MiB. A larger stored document can be read, and can only become smaller."`
}

// Defaults returns the default settings.
func Defaults() Settings {
	return Settings{
		Service: config.ServiceDefaults("127.0.0.1:8091"), ChangeRetention: 30 * 24 * time.Hour, ScanLimit: 100_000, DocumentBytes: 1 << 20,
	}
}

// Bounds of Settings.DocumentBytes: the least has room for a photo, and a response between services has room for several
// documents of the most.
const leastDocumentBytes, mostDocumentBytes = 64 << 10, 16 << 20

// Check returns all problems of the settings.
func (s Settings) Check() config.Problems {
	p := s.Service.Check("identity")
	config.Above0(&p, "identity.change_retention", s.ChangeRetention)
	config.Above0(&p, "identity.scan_limit", s.ScanLimit)
	config.Between(&p, "identity.document_bytes", s.DocumentBytes, leastDocumentBytes, mostDocumentBytes)
	total, _ := s.inFlight()
	p.InFlight("identity", s.InFlightBytes, s.InFlightShareBytes, total, server.MostInFlight(), "the largest group")
	return p
}

// inFlight returns how much memory large groups in progress may take, and how much of it those of one directory may take.
// The defaults have room for the largest group.
func (s Settings) inFlight() (total, share int64) {
	largest := server.MostInFlight()
	total = cmp.Or(s.InFlightBytes, inflight.Default(4, largest))
	return total, cmp.Or(s.InFlightShareBytes, max(total/2, min(largest, total)))
}
