-- pg_snapshot_xmin is the transaction below which none is open, in any database of the server: what those below it wrote is
-- there for good, and nothing can come before it any more. Readers of the feed stay below it.
-- The epoch is that of the database which this reads. The pool may know of another one: the connection that a read gets may be the
-- first to the database that was restored.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, coalesce(max(t.transaction), 0),
  coalesce(max(t.sequence), 0), EXISTS (
    SELECT 1
    FROM access_feed
    WHERE organization_id = :organization_id AND transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  )
FROM access_feed_trimmed t
WHERE t.organization_id = :organization_id;
