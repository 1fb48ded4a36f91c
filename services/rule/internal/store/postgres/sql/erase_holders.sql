DELETE FROM holders
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM holders
  WHERE organization_id = :organization_id
  ORDER BY user_id
  LIMIT :limit
));
