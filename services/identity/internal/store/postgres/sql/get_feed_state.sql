-- held is the least time of the records that are committed and do not show yet; 0 for none. Of more than 1000 it is that
-- of the first ones, which will do as well: a record's time is taken before its transaction begins, and so before any
-- later transaction ends, and its write returns.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, w.held, coalesce(t.transaction, 0), coalesce(t.sequence, 0)
FROM (
  SELECT coalesce(min(time), 0) AS held
  FROM (
    SELECT time
    FROM changes
    WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, sequence
    LIMIT 1000
  ) held
) w
LEFT JOIN (
  SELECT transaction, sequence
  FROM trimmed
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
) t ON true;
