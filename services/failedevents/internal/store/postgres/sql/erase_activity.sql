DELETE FROM activity
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM activity
  WHERE organization_id = :organization_id
    AND EXISTS (SELECT 1 FROM erased WHERE organization_id = :organization_id AND erasing > 0)
  ORDER BY directory_id
  LIMIT :limit));
