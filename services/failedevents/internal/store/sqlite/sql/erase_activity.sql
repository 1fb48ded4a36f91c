DELETE FROM activity
WHERE organization_id = :organization_id
  AND directory_id IN (SELECT directory_id FROM activity WHERE organization_id = :organization_id ORDER BY directory_id LIMIT :limit);
