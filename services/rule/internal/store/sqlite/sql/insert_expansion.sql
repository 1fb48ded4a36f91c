INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
SELECT :organization_id, :group_id, n, n, n, :from, :message_id, :traceparent
FROM (
  SELECT (
    SELECT coalesce(max(newest), 0) + 1
    FROM expansions
    WHERE organization_id = :organization_id
  ) AS n
);
