package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// BenchmarkWrites measures the writes of one client. Compare two versions by running them in turns on one machine:
//
//	go test -run '^$' -bench . -benchtime 2000x ./identity/internal/store/sqlite
func BenchmarkWrites(b *testing.B) {
	ctx, scope := b.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	cause := store.Cause{MessageID: "0190a5b0-0000-7000-8000-000000000000", Time: time.Unix(1, 0)}
	for _, size := range []int{700, 2000, 12000} {
		s, err := Open(ctx, filepath.Join(b.TempDir(), "identity.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
		if err != nil {
			b.Fatal(err)
		}
		if err := s.ApplyDirectory(ctx, store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}, cause); err != nil {
			b.Fatal(err)
		}
		user := func(n, size int) store.Resource {
			id := fmt.Sprintf("user-%07d", n*7919%1000003)
			return store.Resource{Type: store.User,
				Scope: scope, ID: id, Name: id, NameFolded: id, ExternalID: id, DisplayName: id, Active: true, Version: 1,
				Document: bytes.Repeat([]byte("x"), size),
				Search:   []scim.SearchValue{{Attribute: "emails", Value: id + "@example.com"}, {Attribute: "phoneNumbers", Value: id}},
			}
		}
		made, updated, deleted := 0, 0, 0
		for _, c := range []struct {
			name string
			call func(ctx context.Context) error
		}{
			{"create", func(ctx context.Context) error {
				made++
				return second(s.Create(ctx, user(made, size), nil, cause))
			}},
			{"update", func(ctx context.Context) error {
				if updated++; updated > made {
					b.Skip()
				}
				return second(s.Update(ctx, user(updated, size+updated%100), nil, cause))
			}},
			{"delete", func(ctx context.Context) error {
				if deleted++; deleted > made {
					b.Skip()
				}
				return second(s.Delete(ctx, scope, store.User, user(deleted, 0).ID, nil, cause))
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				for b.Loop() {
					if err := c.call(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
