WITH cause AS (
  SELECT newest AS n
  FROM expansions
  WHERE organization_id = :organization_id AND group_id = :group_id AND id = :id
), within AS (
  SELECT DISTINCT id
  FROM unnest(:group_ids::text[]) AS id
), merged AS (
  UPDATE expansions x
  SET newest = greatest(x.newest, cause.n), root = least(x.root, :root),
    from_cursor = CASE WHEN :root < x.root THEN :from ELSE x.from_cursor END
  FROM cause, within
  WHERE x.organization_id = :organization_id AND x.group_id = within.id AND NOT x.done AND x.started = 0
  RETURNING x.group_id
)
INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
SELECT :organization_id, within.id, cause.n, :root, cause.n, :from, :message_id, :traceparent
FROM cause, within
WHERE within.id NOT IN (SELECT group_id FROM merged)
  AND NOT EXISTS (
    SELECT 1
    FROM expansions x
    WHERE x.organization_id = :organization_id AND x.group_id = within.id AND x.started >= cause.n
  );
