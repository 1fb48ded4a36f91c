DELETE FROM requests
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM requests
  WHERE organization_id = :organization_id
  ORDER BY principal, request_type, id
  LIMIT :limit
));
