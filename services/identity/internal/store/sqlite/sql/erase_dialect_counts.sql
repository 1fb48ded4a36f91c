DELETE FROM dialect_counts
WHERE organization_id = :organization_id AND (directory_id, ignored, name) IN (
  SELECT directory_id, ignored, name
  FROM dialect_counts
  WHERE organization_id = :organization_id
  ORDER BY directory_id, ignored, name
  LIMIT :limit
);
