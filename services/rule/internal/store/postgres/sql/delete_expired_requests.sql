DELETE FROM requests
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM requests
  WHERE organization_id = :organization_id AND create_time <= :expired
  ORDER BY create_time
  LIMIT :limit
));
