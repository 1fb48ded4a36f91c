INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
SELECT :organization_id, :group_id, :newest, :root, :newest, :from, :message_id, :traceparent
WHERE NOT EXISTS (
  SELECT 1
  FROM expansions
  WHERE organization_id = :organization_id AND group_id = :group_id AND started >= :newest
);
