-- It is get_feed_state, of a feed from which nothing is trimmed: who begins is told the organizations of what was trimmed.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, w.held, 0, 0
FROM (
  SELECT coalesce(min(time), 0) AS held
  FROM (
    SELECT time
    FROM changes
    WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, sequence
    LIMIT 1000
  ) held
) w;
