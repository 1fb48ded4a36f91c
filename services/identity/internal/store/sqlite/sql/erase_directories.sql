DELETE FROM directories
WHERE organization_id = :organization_id AND id IN (
  SELECT id
  FROM directories
  WHERE organization_id = :organization_id
  ORDER BY id
  LIMIT :limit
);
