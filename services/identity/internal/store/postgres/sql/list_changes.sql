-- delayed is the earliest time of the records that are committed and not visible yet; 0 for none. Of more than 1000
-- records, only the first ones count. That is enough: a record's time is taken before its transaction begins, so before
-- any later transaction ends and its write returns. One statement, so that the horizon and the records are from one
-- snapshot. Without records, there is one row without a record.
SELECT (SELECT epoch FROM meta), h.horizon, h.ahead, w.delayed, coalesce(t.transaction, 0), coalesce(t.sequence, 0),
  c.sequence IS NOT NULL, coalesce(c.transaction, 0), coalesce(c.sequence, 0), coalesce(c.organization_id, ''),
  coalesce(directory_id, ''), coalesce(resource_group, false), coalesce(resource_id, ''), coalesce(revision, 0),
  coalesce(kind, 0), coalesce(member_id, ''), coalesce(member_group, false), coalesce(message_id, ''),
  coalesce(traceparent, ''), coalesce(time, 0)
FROM (
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS ahead
) h
CROSS JOIN LATERAL (
  SELECT coalesce(min(time), 0) AS delayed
  FROM (
    SELECT time
    FROM changes
    WHERE organization_id = :organization_id
      AND transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, sequence
    LIMIT 1000
  ) delayed
) w
LEFT JOIN trimmed t ON t.organization_id = :organization_id
LEFT JOIN LATERAL (
  SELECT *
  FROM changes
  WHERE organization_id = :organization_id AND (transaction, sequence) > (:transaction, :sequence)
    AND transaction < h.horizon
  ORDER BY transaction, sequence
  LIMIT :limit
) c ON true
ORDER BY c.transaction, c.sequence;
