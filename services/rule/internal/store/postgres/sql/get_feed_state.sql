-- pg_snapshot_xmin is the oldest open transaction in any database of the server. Everything that older transactions wrote is final,
-- and nothing can appear before it. Readers of the feed stay below it.
-- The epoch is read together with the rows, because the pool may know an old one: the read may get the first connection to a database
-- that was restored.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, coalesce(max(t.transaction), 0),
  coalesce(max(t.sequence), 0), EXISTS (
    SELECT 1
    FROM access_feed
    WHERE organization_id = :organization_id AND transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
  )
FROM access_feed_trimmed t
WHERE t.organization_id = :organization_id;
