-- Finds each reason with one step of an index, and reads the most recent events of a reason, at most the limit. Only the index of these
-- events has the orders: see read_by_index.
WITH RECURSIVE reasons AS (
  SELECT (
    SELECT reason
    FROM events
    WHERE organization_id = :organization_id AND acknowledge_time = 0
    ORDER BY reason
    LIMIT 1
  ) AS reason, 1 AS place
  UNION ALL
  SELECT (
    SELECT e.reason
    FROM events e
    WHERE organization_id = :organization_id AND acknowledge_time = 0 AND e.reason > r.reason
    ORDER BY e.reason
    LIMIT 1
  ), place + 1
  FROM reasons r
  WHERE r.reason IS NOT NULL AND place < :reasons
)
SELECT r.reason, (
  SELECT count(*)
  FROM (
    SELECT 1
    FROM events e
    WHERE organization_id = :organization_id AND acknowledge_time = 0 AND e.reason = r.reason
    ORDER BY time DESC NULLS LAST, id DESC
    LIMIT :limit
  ) few
), (
  SELECT time
  FROM events e
  WHERE organization_id = :organization_id AND acknowledge_time = 0 AND e.reason = r.reason
  ORDER BY time DESC NULLS LAST, id DESC
  LIMIT 1
)
FROM reasons r
WHERE r.reason IS NOT NULL
ORDER BY r.reason;
