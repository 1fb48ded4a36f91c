package pgdb

import (
	"fmt"
	"time"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/wait"
)

const (
	// heldBackLong is how long a transaction may hold a feed back before that is an error.
	heldBackLong = time.Minute
	// secondLook is the time between two looks at a transaction whose age the role may not read.
	secondLook = 2 * time.Second
)

// holder is a session with a transaction that may hold the feed back. Its query is not read: it may contain anything.
type holder struct {
	pid                         int64
	transaction                 string
	database, role, application string
	ageKnown                    bool
	age                         float64
	prepared                    string // the name of a prepared transaction, which has no session
}

func (h *holder) fields() []any {
	return []any{&h.pid, &h.transaction, &h.database, &h.role, &h.application, &h.ageKnown, &h.age, &h.prepared}
}

// holders are the oldest transactions that have written, in any database of the server. Readers of a feed stay below the oldest one. Only
// a member of the session's role and of pg_read_all_stats may read when it began.
const holders = `SELECT a.pid::bigint, a.backend_xid::text, coalesce(a.datname::text, ''), coalesce(a.usename::text, ''),
		coalesce(a.application_name, ''), a.xact_start IS NOT NULL,
		coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8, ''
	FROM pg_stat_activity a WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid()
	UNION ALL SELECT 0, p.transaction::text, p.database::text, p.owner::text, '', true,
		extract(epoch FROM clock_timestamp() - p.prepared)::float8, p.gid
	FROM pg_prepared_xacts p
	ORDER BY 7 DESC LIMIT 20`

// heldBack looks for transactions that hold the feed back.
func (e *examination) heldBack() error {
	found, err := ReadAll(e.ctx, e.pool, (*holder).fields, holders)
	if err != nil {
		return err
	}
	held, unknown := false, map[string]bool{}
	for _, h := range found {
		if age := time.Duration(h.age * float64(time.Second)); !h.ageKnown {
			unknown[h.transaction] = true
		} else if age >= e.limits.heldBack {
			held = true
			e.holds(h, age, "for "+doctor.Span(age))
		}
	}
	if len(unknown) > 0 && wait.Sleep(e.ctx, secondLook) {
		again, err := ReadAll(e.ctx, e.pool, (*holder).fields, holders)
		if err != nil {
			return err
		}
		for _, h := range again {
			if unknown[h.transaction] {
				held = true
				e.holds(h, e.limits.heldBack, fmt.Sprintf("for more than %s; a role with pg_read_all_stats could say for how long", secondLook))
			}
		}
	}
	if !held {
		e.say(doctor.OK, "feed-held-back", "no old transaction holds a feed back", "", "")
	}
	return nil
}

// holds reports a transaction that holds the feed back.
func (e *examination) holds(h holder, age time.Duration, since string) {
	level := doctor.Warning
	if age >= heldBackLong {
		level = doctor.Error
	}
	const effect = ": changes after it do not reach access, nor the followers of the feeds, until it ends"
	if h.prepared != "" {
		e.say(level, "feed-held-back", fmt.Sprintf("the prepared transaction %q of role %q in database %q is open %s%s", h.prepared, h.role, h.database, since, effect),
			fmt.Sprintf("psql -d %s -c %s", doctor.Quote(h.database), doctor.Quote("ROLLBACK PREPARED "+literal(h.prepared))), doctor.PageHeldBack)
		return
	}
	e.say(level, "feed-held-back", fmt.Sprintf("the transaction of session %d (application %q, role %q, database %q) is open %s%s",
		h.pid, h.application, h.role, h.database, since, effect), fmt.Sprintf(`psql -c "SELECT pg_terminate_backend(%d)"`, h.pid), doctor.PageHeldBack)
}
