package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// Locks of a group's row. Who changes it or its members lets others make the group a member of theirs meanwhile, who hold
// the row FOR KEY SHARE: else two that add each other's groups would wait for each other. Who deletes it does not.
const (
	lockToChange = ` FOR NO KEY UPDATE`
	lockToDelete = ` FOR UPDATE`
)

// The statements that write a group and members of it, the last of a batch. Their arguments: the organization, the
// directory and the id; who comes, who goes, and both in the order of their records; the cause; the group.
const (
	lockGroup = `SELECT version FROM groups WHERE organization_id = $1 AND directory_id = $2 AND id = $3` + lockToChange

	// Those that ask for one name ($3) at once ask one after another, where the directory wants names unique.
	lockName = `SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2 || '/' || $3, 2)) FROM directories
		WHERE organization_id = $1 AND id = $2 AND unique_group_names`

	// What come finds of those that come are users alone: with groups among them, or strangers, nothing is written.
	groupFacts = `WITH d AS (` + directoryRow + `),
		come AS (SELECT r.id FROM ` + eachOf + `$4` + findUsers + `),
		taken AS (SELECT EXISTS (SELECT 1 FROM d, groups g WHERE d.unique_group_names AND g.organization_id = $1
			AND g.display_name_folded = $11 AND g.directory_id = $2 AND g.id <> $3) AS name),
		`

	// Nobody leaves a group that is new.
	createGroup = groupFacts + `put AS (INSERT INTO groups (organization_id, directory_id, id, display_name, display_name_folded,
				external_id, version, document, create_time, update_time)
			SELECT $1, $2, $3, $10, $11, $12, 1, $13::bytea, $9, $9 FROM d, taken WHERE NOT d.closed AND NOT taken.name
				AND (SELECT count(*) FROM come) = cardinality($4) RETURNING version),
		added AS (INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
			SELECT $1, $3, come.id, false, false FROM put, come RETURNING member_id, ` + memberAdded + ` AS kind, false AS member_group),
		moved AS (SELECT * FROM added),
		old AS (SELECT 0 AS version, 0 AS update_time WHERE cardinality($5::text[]) = 0),
		documented AS (SELECT $14::integer AS kind, 0 AS place)` + groupRecords

	// updateGroup writes the document if $15, else the members alone. The stored version must be $16, unless that is below 0.
	// With $17 members were changed before, in the same transaction. The group's row is held by lockGroup.
	updateGroup = groupFacts + `old AS (SELECT version, update_time FROM groups WHERE organization_id = $1 AND directory_id = $2 AND id = $3),
		ok AS (SELECT old.version + 1 AS version FROM d, old, taken WHERE NOT d.closed AND NOT ($15::boolean AND taken.name)
			AND ($16::bigint < 0 OR $16 = old.version) AND (SELECT count(*) FROM come) = cardinality($4)),
		added AS (INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
			SELECT $1, $3, come.id, false, false FROM ok, come ON CONFLICT DO NOTHING RETURNING member_id),
		confirmed AS (` + confirm + `$4` + ofMembers + `m.carried AND EXISTS (SELECT 1 FROM ok)),
		removed AS (` + remove + `$5` + ofMembers + `EXISTS (SELECT 1 FROM ok) AND ` + isVisible + `
			RETURNING m.member_id, m.member_group),
		moved AS (SELECT member_id, ` + memberAdded + ` AS kind, false AS member_group FROM added
			UNION ALL SELECT member_id, ` + memberRemoved + `, member_group FROM removed),
		put AS (UPDATE groups g SET version = ok.version, update_time = $9,
				display_name = CASE WHEN $15 THEN $10 ELSE g.display_name END,
				display_name_folded = CASE WHEN $15 THEN $11 ELSE g.display_name_folded END,
				external_id = CASE WHEN $15 THEN $12 ELSE g.external_id END,
				document = CASE WHEN $15 THEN $13::bytea ELSE g.document END
			FROM ok WHERE g.organization_id = $1 AND g.id = $3 AND ($15 OR $17::boolean OR EXISTS (SELECT 1 FROM moved))
			RETURNING g.version),
		documented AS (SELECT $14::integer AS kind, CASE WHEN $14 = ` + created + ` THEN 0 ELSE 1 + cardinality($6::text[]) END AS place
			WHERE $15)` + groupRecords

	groupRecords = `,
		change AS (INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
				member_group, message_id, traceparent, time)
			SELECT $1, $2, true, $3, put.version, r.kind, r.member_id, r.member_group, $7, $8, $9::bigint
			FROM put, (SELECT kind, place, '' AS member_id, false AS member_group FROM documented
				UNION ALL SELECT kind, array_position($6::text[], member_id), member_id, member_group FROM moved) r
			ORDER BY r.place RETURNING transaction, sequence)
		SELECT (SELECT closed FROM d), (SELECT version FROM old), (SELECT update_time FROM old), (SELECT name FROM taken),
			(SELECT count(*) FROM come), (SELECT version FROM put), (SELECT max(transaction) FROM change), (SELECT max(sequence) FROM change)`
)

// groupWrite is a write of a group's document or members.
type groupWrite struct {
	group    store.Resource
	kind     store.ChangeKind // of the document's record
	document bool
	version  int64 // that must be stored; -1 for any
	changed  bool  // members were changed before, in the same transaction
	edit     quickEdit
	cause    store.Cause
}

// groupOutcome is what a statement found and did.
type groupOutcome struct {
	closed  *bool
	old     *int64 // the version that was stored
	updated *int64
	taken   bool
	came    int
	version *int64 // that is stored now; nil where nothing was written
	recorded
}

// send runs a write in one round trip.
func (w groupWrite) send(ctx context.Context, to batcher) (o groupOutcome, err error) {
	g := w.group
	args := []any{
		g.OrganizationID, g.DirectoryID, g.ID, array(w.edit.come), array(w.edit.leave), array(w.edit.order), w.cause.MessageID, w.cause.Traceparent,
		sqldb.Time(&w.cause.Time), g.Name, g.NameFolded, g.ExternalID, g.Document, int(w.kind),
	}
	batch, statement := &pgx.Batch{}, createGroup
	batch.Queue(lockDirectory, g.OrganizationID, g.DirectoryID)
	if !w.creates() {
		batch.Queue(lockGroup, g.OrganizationID, g.DirectoryID, g.ID)
		statement, args = updateGroup, append(args, w.document, w.version, w.changed)
	}
	if w.document {
		batch.Queue(lockName, g.OrganizationID, g.DirectoryID, g.NameFolded)
	}
	batch.Queue(statement, args...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&o.closed, &o.old, &o.updated, &o.taken, &o.came, &o.version, &o.transaction, &o.sequence)
	})
	return o, to.SendBatch(ctx, batch).Close()
}

// array passes ids to SQL: nil would be NULL there.
func array(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}

// creates says whether the group is not there yet.
func (w groupWrite) creates() bool { return w.group.Version == 0 && w.kind == store.Created }

// refusal is why nothing could be written, apart from who comes.
func (w groupWrite) refusal(o groupOutcome) error {
	if err := refuseClosed(o.closed, w.group.DirectoryID); err != nil {
		return err
	}
	switch {
	case o.old == nil:
		return store.Missing(store.Group, w.group.ID)
	case w.version >= 0 && *o.old != w.version:
		return store.ErrChanged
	case w.document && o.taken:
		return store.Taken(store.Group, "displayName")
	}
	return nil
}

// quickly writes in one round trip, unless who comes is not known to be a user of the directory.
func (s *Store) quickly(ctx context.Context, w groupWrite) (written store.Written, strangers bool, err error) {
	var o groupOutcome
	if err = again(func() error { o, err = w.send(ctx, s.db); return err }); err != nil {
		return written, false, err
	}
	if err := w.refusal(o); err != nil || o.came < len(w.edit.come) {
		return written, err == nil, err
	}
	if o.version != nil {
		s.wakeup.Wrote()
	}
	return s.outcome(w, o), false, nil
}

// outcome is what a write did that was not refused.
func (s *Store) outcome(w groupWrite, o groupOutcome) store.Written {
	if o.version == nil {
		return store.Written{Version: *o.old, UpdateTime: time.UnixMicro(*o.updated).UTC()}
	}
	return store.Written{Version: *o.version, UpdateTime: w.cause.Time, Cursor: o.cursor(s.db.Epoch())}
}

func (s *Store) createGroup(ctx context.Context, g store.Resource, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	g.Version = 0
	write := groupWrite{group: g, kind: store.Created, document: true, version: -1, cause: cause}
	edit, quick := quickEditOf(edits)
	if quick && len(edit.leave) == 0 {
		write.edit = edit
		w, strangers, err := s.quickly(ctx, write)
		if !strangers {
			return w, err
		}
		write.edit = quickEdit{}
	}
	err = s.write(ctx, g.Scope, func(tx pgx.Tx) error {
		w, err = s.sendThenEdit(ctx, tx, write, edits)
		return err
	})
	return w, err
}

// sendThenEdit writes a group that is new to its directory, and then brings its members in.
func (s *Store) sendThenEdit(ctx context.Context, tx pgx.Tx, write groupWrite, edits []store.MemberEdit) (w store.Written, err error) {
	o, err := write.send(ctx, tx)
	if err == nil {
		err = write.refusal(o)
	}
	if err != nil {
		return w, err
	}
	w = s.outcome(write, o)
	e := &editor{scope: write.group.Scope, groupID: write.group.ID, revision: w.Version, cause: write.cause, last: w.Cursor}
	err = s.edit(ctx, tx, e, edits)
	w.Cursor = e.last
	return w, err
}

func (s *Store) updateGroup(ctx context.Context, g store.Resource, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	write := groupWrite{group: g, kind: store.Updated, document: g.Document != nil, version: -1, cause: cause}
	if write.document || g.Version > 0 {
		write.version = g.Version
	}
	if edit, quick := quickEditOf(edits); quick {
		write.edit = edit
		w, strangers, err := s.quickly(ctx, write)
		if !strangers {
			return w, err
		}
		write.edit = quickEdit{}
	}
	err = s.write(ctx, g.Scope, func(tx pgx.Tx) error {
		old, err := sqldb.ReadOne(ctx, tx, sqldb.Value[int64], store.Missing(store.Group, g.ID), lockGroup, g.OrganizationID, g.DirectoryID, g.ID)
		if err != nil {
			return err
		}
		if write.version >= 0 && write.version != old {
			return store.ErrChanged
		}
		e := &editor{scope: g.Scope, groupID: g.ID, revision: old + 1, cause: cause}
		if err := s.edit(ctx, tx, e, edits); err != nil {
			return err
		}
		write.changed = e.changed
		o, err := write.send(ctx, tx)
		if err == nil {
			err = write.refusal(o)
		}
		if err != nil {
			return err
		}
		if w = s.outcome(write, o); w.Cursor.Epoch == "" {
			w.Cursor = e.last
		}
		return nil
	})
	return w, err
}

func (s *Store) adoptGroup(ctx context.Context, from string, g store.Resource, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	write := groupWrite{group: g, kind: store.Created, document: true, version: g.Version, cause: cause}
	err = s.write(ctx, g.Scope, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `WITH moved AS (UPDATE groups SET directory_id = $3 WHERE organization_id = $1 AND id = $2
				AND directory_id = $4 AND version = $5 RETURNING id),
			carried AS (UPDATE members SET carried = true FROM moved WHERE organization_id = $1 AND group_id = moved.id)
			SELECT id FROM moved`, g.OrganizationID, g.ID, g.DirectoryID, from, g.Version)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return store.ErrChanged
		}
		w, err = s.sendThenEdit(ctx, tx, write, edits)
		return err
	})
	return w, err
}
