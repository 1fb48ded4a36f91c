// Package failedevents is the failedevents service: it owns the messages, and effects of messages, that could not be
// carried out. It calls nobody.
package failedevents

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/failedevents/internal/core"
	"github.com/usher-scim/usher/services/failedevents/internal/server"
	"github.com/usher-scim/usher/services/failedevents/internal/store/sqlite"
)

// Config is what the service can be told.
type Config struct {
	// DatabasePath is the SQLite file.
	DatabasePath string
}

// Dependencies is what the service uses.
type Dependencies struct {
	Tracing trace.TracerProvider
	Now     func() time.Time
}

// Service is the running service. It starts no goroutines besides its database's.
type Service struct {
	store  *sqlite.Store
	server *server.Server
}

// New opens the service's database. Call Close in the end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	if c.DatabasePath == "" {
		return nil, errors.New("failedevents.database_path must name a file")
	}
	s, err := sqlite.Open(ctx, c.DatabasePath, d.Tracing)
	if err != nil {
		return nil, fmt.Errorf("failedevents: %w", err)
	}
	return &Service{store: s, server: server.New(core.New(s, d.Now))}, nil
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// Close closes the database, after the last call. Closing twice is safe.
func (s *Service) Close() error { return s.store.Close() }
