DELETE FROM suspensions
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM suspensions
  WHERE organization_id = :organization_id
  ORDER BY user_id
  LIMIT :limit
));
