SELECT (SELECT epoch FROM meta), h.horizon, coalesce(c.transaction, 0), coalesce(c.sequence, 0)
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon) h
LEFT JOIN LATERAL (
  SELECT transaction, sequence
  FROM changes
  ORDER BY transaction DESC, sequence DESC
  LIMIT 1
) c ON true;
