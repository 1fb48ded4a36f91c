DELETE FROM events
WHERE ctid = ANY (ARRAY (
  SELECT ctid
  FROM events
  WHERE organization_id = :organization_id
    AND EXISTS (SELECT 1 FROM erased WHERE organization_id = :organization_id AND erasing > 0)
  ORDER BY id
  LIMIT :limit));
