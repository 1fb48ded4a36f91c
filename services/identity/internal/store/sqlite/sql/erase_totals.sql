DELETE FROM totals
WHERE organization_id = :organization_id AND (directory_id, resource_group) IN (
  SELECT directory_id, resource_group
  FROM totals
  WHERE organization_id = :organization_id
  ORDER BY directory_id, resource_group
  LIMIT :limit
);
