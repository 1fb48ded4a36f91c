DELETE FROM requeued
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM requeued
  WHERE organization_id = :organization_id
  ORDER BY user_id
  LIMIT :limit
));
