-- delayed is the earliest time of the records that are committed and not visible yet; 0 for none. Of more than 1000
-- records, only the first ones count. That is enough: a record's time is taken before its transaction begins, so before
-- any later transaction ends and its write returns.
SELECT (SELECT epoch FROM meta), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint, w.delayed, coalesce(t.transaction, 0), coalesce(t.sequence, 0)
FROM (
  SELECT coalesce(min(time), 0) AS delayed
  FROM (
    SELECT time
    FROM changes
    WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, sequence
    LIMIT 1000
  ) delayed
) w
LEFT JOIN (
  SELECT transaction, sequence
  FROM trimmed
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
) t ON true;
