WITH cause AS (
  SELECT coalesce(max(newest), 0) + 1 AS n
  FROM expansions
  WHERE organization_id = :organization_id
), merged AS (
  UPDATE expansions
  SET newest = cause.n
  FROM cause
  WHERE organization_id = :organization_id AND group_id = :group_id AND NOT done AND started = 0
  RETURNING id
)
INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
SELECT :organization_id, :group_id, n, n, n, :from, :message_id, :traceparent
FROM cause
WHERE NOT EXISTS (SELECT 1 FROM merged);
