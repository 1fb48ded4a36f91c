package rows

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
)

// expiringFields are the kind, and how many have expired, expire before late, and expire before early.
func expiringFields(e *store.Expiring) []any { return []any{&e.Kind, &e.Expired, &e.Late, &e.Early} }

func (s Store) Expiring(ctx context.Context, expired, now, late, early time.Time) ([]store.Expiring, error) {
	return ReadAll(ctx, s.Conn, expiringFields, s.sql.countExpiring,
		dbtype.Time(&expired), dbtype.Time(&now), dbtype.Time(&late), dbtype.Time(&early))
}
