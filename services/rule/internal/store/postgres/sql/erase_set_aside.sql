DELETE FROM set_aside
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM set_aside
  WHERE organization_id = :organization_id
  ORDER BY user_id
  LIMIT :limit
));
