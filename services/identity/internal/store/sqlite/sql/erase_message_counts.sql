DELETE FROM message_counts
WHERE organization_id = :organization_id AND (directory_id, kind, name) IN (
  SELECT directory_id, kind, name
  FROM message_counts
  WHERE organization_id = :organization_id
  ORDER BY directory_id, kind, name
  LIMIT :limit
);
