-- This is get_feed_state for a reader at the beginning. Nothing counts as trimmed: the reader also gets the
-- organizations whose records were trimmed.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, w.delayed, 0, 0
FROM (
  SELECT coalesce(min(time), 0) AS delayed
  FROM (
    SELECT time
    FROM changes
    WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, sequence
    LIMIT 1000
  ) delayed
) w;
