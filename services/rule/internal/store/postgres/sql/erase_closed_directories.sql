DELETE FROM closed_directories
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM closed_directories
  WHERE organization_id = :organization_id
  ORDER BY directory_id
  LIMIT :limit
));
