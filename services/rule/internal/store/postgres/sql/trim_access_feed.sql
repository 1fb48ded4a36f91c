-- See get_feed_state and lock_updates.
WITH oldest AS (
  SELECT ctid AS place, transaction, sequence, time
  FROM access_feed
  WHERE transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    AND (SELECT pg_try_advisory_xact_lock(8245921732))
  ORDER BY transaction, sequence
  LIMIT :limit
), last AS (
  SELECT transaction, sequence
  FROM oldest
  WHERE time < :before
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
), trimmed AS (
  DELETE FROM access_feed
  WHERE ctid = ANY (ARRAY (
    SELECT o.place
    FROM oldest o, last l
    WHERE (o.transaction, o.sequence) <= (l.transaction, l.sequence)
  ))
  RETURNING organization_id, transaction, sequence
), noted AS (
  INSERT INTO access_feed_trimmed AS old (organization_id, transaction, sequence)
  SELECT DISTINCT ON (organization_id) organization_id, transaction, sequence
  FROM trimmed
  ORDER BY organization_id, transaction DESC, sequence DESC
  ON CONFLICT (organization_id) DO UPDATE
  SET transaction = excluded.transaction, sequence = excluded.sequence
)
SELECT count(*)
FROM trimmed;
