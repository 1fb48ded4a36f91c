package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

// The statements that write a group and its members. They are the last ones of a batch.
var (
	createGroup = statements.Load("create_group", "organization_id", "directory_id", "group_id", "adds", "removes", "order", "message_id",
		"traceparent", "time", "display_name", "display_name_folded", "external_id", "document", "kind")
	updateGroup = statements.Load("update_group", "organization_id", "directory_id", "group_id", "adds", "removes", "order", "message_id",
		"traceparent", "time", "display_name", "display_name_folded", "external_id", "document", "kind",
		"with_document", "version", "members_changed")
)

var (
	lockGroup     = statements.Load("lock_group", "organization_id", "directory_id", "id")
	lockGroupName = statements.Load("lock_group_name", "organization_id", "directory_id", "name")
	adoptGroup    = statements.Load("adopt_group", "organization_id", "id", "directory_id", "from", "version")
)

// groupWrite is a write of a group's document or members.
type groupWrite struct {
	group    store.Resource
	kind     store.ChangeKind // of the document's change record
	document bool
	version  int64 // the version that must be stored; -1 for any
	changed  bool  // members were changed before, in the same transaction
	edit     quickEdit
	cause    store.Cause
}

// groupOutcome is what a statement found and did.
type groupOutcome struct {
	closed   *bool
	old      *int64 // the version that was stored before
	updated  *int64
	taken    bool
	newUsers int
	version  *int64 // the version that is stored now; nil if nothing was written
	recorded
}

// send sends a write in one round trip.
func (w groupWrite) send(ctx context.Context, to batcher) (o groupOutcome, err error) {
	g := w.group
	args := []any{
		g.OrganizationID, g.DirectoryID, g.ID, array(w.edit.adds), array(w.edit.removes), array(w.edit.order), w.cause.MessageID, w.cause.Traceparent,
		dbtype.Time(&w.cause.Time), g.Name, g.NameFolded, g.ExternalID, g.Document, int(w.kind),
	}
	batch, statement := &pgx.Batch{}, createGroup
	batch.Queue(lockDirectory, g.OrganizationID, g.DirectoryID)
	if !w.creates() {
		batch.Queue(lockGroup, g.OrganizationID, g.DirectoryID, g.ID)
		statement, args = updateGroup, append(args, w.document, w.version, w.changed)
	}
	if w.document {
		batch.Queue(lockGroupName, g.OrganizationID, g.DirectoryID, g.NameFolded)
	}
	batch.Queue(statement, args...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&o.closed, &o.old, &o.updated, &o.taken, &o.newUsers, &o.version, &o.transaction, &o.sequence)
	})
	return o, to.SendBatch(ctx, batch).Close()
}

// array returns ids as an SQL argument: nil would become NULL.
func array(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}

// creates reports whether the write creates the group.
func (w groupWrite) creates() bool { return w.group.Version == 0 && w.kind == store.Created }

// refusal returns the reason why nothing was written, except for unknown members.
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

// quickly writes in one round trip. unknown reports that nothing was written, because a new member is not known to be a
// user of the directory.
func (s *Store) quickly(ctx context.Context, w groupWrite) (written store.Written, unknown bool, err error) {
	var o groupOutcome
	if err = again(func() error { o, err = w.send(ctx, s.db); return err }); err != nil {
		return written, false, err
	}
	if err := w.refusal(o); err != nil || o.newUsers < len(w.edit.adds) {
		return written, err == nil, err
	}
	if o.version != nil {
		s.wakeup.Wrote()
	}
	return s.outcome(w, o), false, nil
}

// outcome returns the result of a write that was not refused.
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
	if quick && len(edit.removes) == 0 {
		write.edit = edit
		w, unknown, err := s.quickly(ctx, write)
		if !unknown {
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

// sendThenEdit writes a group that is new in its directory, and then adds its members.
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
		w, unknown, err := s.quickly(ctx, write)
		if !unknown {
			return w, err
		}
		write.edit = quickEdit{}
	}
	err = s.write(ctx, g.Scope, func(tx pgx.Tx) error {
		old, err := pgdb.ReadOne(ctx, tx, dbtype.Value[int64], store.Missing(store.Group, g.ID), lockGroup, g.OrganizationID, g.DirectoryID, g.ID)
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
		tag, err := tx.Exec(ctx, adoptGroup, g.OrganizationID, g.ID, g.DirectoryID, from, g.Version)
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
