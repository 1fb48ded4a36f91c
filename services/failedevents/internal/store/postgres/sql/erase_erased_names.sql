DELETE FROM erased_names
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM erased_names
  WHERE organization_id = :organization_id
    AND EXISTS (SELECT 1 FROM erased WHERE organization_id = :organization_id AND erasing > 0)
  ORDER BY key
  LIMIT :limit));
